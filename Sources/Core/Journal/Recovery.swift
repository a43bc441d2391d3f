// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Finds out what a folder holds after whatever happened to it.
struct Recovery {
  let folder: any StorageFolder
  let state: SavedState
  var contents: StreamJournal.Contents

  static func run(
    stream: StreamIdentifier,
    folder: any StorageFolder,
    replicas: Replicas,
    volumes: VolumeSizes,
    settings: StreamJournal.Settings
  ) throws(JournalError) -> (state: SavedState, contents: StreamJournal.Contents) {
    let names = try stored { () throws(StorageError) in try folder.list() }.sorted()
    try stored { () throws(StorageError) in
      for name in names where name.hasSuffix(".tmp") { try folder.remove(name) }
    }
    let segmentNames = names.filter { $0.hasSuffix(".journal") }
    let indexNames = names.filter { $0.hasSuffix(".index") }
    var state = SavedState(stream: stream, volumes: volumes)
    if let found = try SavedState.load(from: folder) {
      guard found.stream == stream, replicas.hasRoom(for: found.volumes) else { throw .otherStream }
      state = found
    } else {
      guard segmentNames.isEmpty else { throw .stateDamaged }
      try state.save(to: folder)
    }
    var recovery = Recovery(
      folder: folder,
      state: state,
      settings: settings,
      replicas: replicas
    )
    if state.isComplete, !state.isPromoted {
      try recovery.takeSegments(segmentNames, indexNames)
    } else {
      // A first sync goes into the replicas, a promoted journal is in them: segments left over
      // from before are of no use.
      try recovery.remove(segmentNames + indexNames)
    }
    try recovery.takeSpares(names.filter { $0.hasSuffix(".spare") })
    recovery.contents.refreshView()
    return (state, recovery.contents)
  }

  private init(
    folder: any StorageFolder,
    state: SavedState,
    settings: StreamJournal.Settings,
    replicas: Replicas
  ) {
    self.folder = folder
    self.state = state
    contents = StreamJournal.Contents(state, settings, replicas)
  }

  func remove(_ names: [String]) throws(JournalError) {
    guard !names.isEmpty else { return }
    try stored { () throws(StorageError) in
      for name in names { try folder.remove(name) }
      try folder.sync()
    }
  }

  /// Keeps what spare files are of use.
  private mutating func takeSpares(_ names: [String]) throws(JournalError) {
    var useless: [String] = []
    for name in names {
      let (file, byteCount) = try open(name)
      let number = Spare.number(of: name)
      contents.lastSpareNumber = max(contents.lastSpareNumber, number ?? 0)
      if number == nil || state.isPromoted || byteCount != contents.settings.segmentByteCount
        || contents.spares.count >= contents.settings.spareLimit
      {
        useless.append(name)
      } else {
        contents.spares.append(Spare(name: name, file: file, byteCount: byteCount, ticket: 0))
      }
    }
    try remove(useless)
  }

  private func open(_ name: String) throws(JournalError) -> (any StorageFile, UInt64) {
    try stored { () throws(StorageError) in
      let file = try folder.open(name, creating: false)
      return (file, try file.byteCount())
    }
  }

  // MARK: Segments

  private mutating func takeSegments(
    _ names: [String],
    _ indexNames: [String]
  ) throws(JournalError) {
    // All at once, so that the storage is busy while the first ones are checked.
    for name in indexNames {
      let (file, byteCount) = try open(name)
      file.willRead(at: 0, count: byteCount)
    }
    let indexes = Set(indexNames)
    var found: [FoundSegment] = []
    for name in names { found.append(try find(name, hasIndex: indexes)) }
    contents.lastOrdinal = found.last?.segment.ordinal ?? 0
    // A fold may have been stopped between saving its result and removing what it folded.
    let needed = state.folded.next
    let gone = found.lastIndex { $0.first.map { $0 <= needed } ?? false } ?? 0
    let useless = found[..<gone].map(\.segment.name)
    found.removeFirst(gone)
    for (a, b) in zip(found, found.dropFirst()) where a.segment.ordinal + 1 != b.segment.ordinal {
      throw .corrupt(file: b.segment.name, offset: 0)
    }
    if let first = found.first(where: { $0.first != nil }), let sequence = first.first,
      sequence > needed
    {
      throw .corrupt(file: found[0].segment.name, offset: found[0].first == nil ? 4096 : 0)
    }
    let kept = Set(found.filter { $0.run != nil }.map(\.segment.indexName))
    try remove(useless + indexNames.filter { !kept.contains($0) })
    try read(found)
  }

  /// A segment whose header was read, with its index if that is good.
  struct FoundSegment {
    var segment: Segment
    var run: IndexRun?
    /// The first record, as far as one can tell without reading on.
    var first: SequenceNumber?
  }

  private func find(_ name: String, hasIndex: Set<String>) throws(JournalError) -> FoundSegment {
    let (file, byteCount) = try open(name)
    guard byteCount < 1 << 32 else { throw .corrupt(file: name, offset: 1 << 32) }
    let buffer = AlignedBuffer()
    let bytes = unsafe buffer.bytes(SegmentHeader.byteCount)
    do { unsafe try file.read(at: 0, into: bytes) } catch .pastEnd {
      throw .corrupt(file: name, offset: 0)
    } catch { throw .storage(error) }
    let header = unsafe try SegmentHeader(decoding: bytes, file: name)
    guard header.fileName == name else { throw .corrupt(file: name, offset: 16) }
    guard header.stream == state.stream,
      contents.replicas.hasRoom(for: VolumeSizes(header.volumeSizes))
    else {
      throw .otherStream
    }
    var segment = Segment(header: header, file: file, fileByteCount: byteCount)
    if hasIndex.contains(segment.indexName) {
      let (index, _) = try open(segment.indexName)
      let run = try stored { () throws(StorageError) in
        try IndexFile.read(index, for: &segment, room: contents.replicas.room)
      }
      if let run { return FoundSegment(segment: segment, run: run, first: segment.firstSequence) }
    }
    let first = try SegmentScan(segment).header(at: UInt64(SegmentHeader.byteCount))?.firstSequence
    return FoundSegment(segment: segment, run: nil, first: first)
  }
}
