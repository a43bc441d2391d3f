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
  private struct FoundSegment {
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

  /// Takes the segments, oldest first, and finds the end of the last one that has batches.
  private mutating func read(_ found: [FoundSegment]) throws(JournalError) {
    let last = found.lastIndex { $0.first != nil }
    var expected: SequenceNumber?
    for (index, item) in found.enumerated() {
      guard let last, index <= last else {
        try takeEmpty(item.segment, after: expected)
        continue
      }
      var segment = item.segment
      if let run = item.run {
        guard expected == nil || segment.firstSequence == expected else {
          throw .corrupt(file: segment.name, offset: 0)
        }
        contents.runs.append(run)
        for event in segment.events where event.record.sequence > state.folded {
          contents.history.add(event.record, payload: event.payload)
        }
        segment.events = []
      } else {
        try scan(&segment, from: &expected, isLast: index == last)
        if index < last { rebuildIndex(of: &segment) }
      }
      if index < last, let next = found[index + 1].first, segment.lastSequence.next != next {
        throw .corrupt(file: segment.name, offset: segment.usedByteCount)
      }
      expected = segment.lastSequence.next
      contents.durable = max(contents.durable, segment.lastSequence)
      contents.segments.append(segment)
    }
  }

  /// Makes the index anew of a segment that was read and is not the last one.
  private mutating func rebuildIndex(of segment: inout Segment) {
    segment.isClosed = true
    guard let recent = segment.recent else { return }
    let run = IndexRun(
      recent,
      last: segment.lastSequence,
      volumeCount: contents.replicas.count
    )
    contents.runs.append(run)
    contents.rebuiltIndexes.append(segment.indexName)
    // If it cannot be written, the next opening reads the segment again.
    segment.isIndexed = (try? IndexFile.write(segment, run, to: folder)) != nil
    segment.recent = nil
    segment.events = []
  }

  /// Reads the batches of a segment that has no index.
  private mutating func scan(
    _ segment: inout Segment,
    from expected: inout SequenceNumber?,
    isLast: Bool
  ) throws(JournalError) {
    let scan = SegmentScan(segment)
    var lastBatch: (offset: UInt64, header: BatchHeader)?
    while true {
      let offset = segment.usedByteCount
      var times: BatchTimes?
      let header = unsafe try scan.batch(at: offset) {
        (header, bytes) throws(JournalError) in
        guard header.firstSequence == expected ?? header.firstSequence else { return }
        times = unsafe try take(header, bytes, at: offset, of: &segment)
      }
      guard let header, let times else { break }
      segment.grow(by: header, times)
      lastBatch = (offset, header)
      expected = header.lastSequence.next
    }
    guard isLast else { return }
    try cutTail(of: segment, scan, expected: expected ?? state.folded.next)
    if let lastBatch { try scan.rewrite(lastBatch.header, at: lastBatch.offset) }
    // What was read may have been in memory alone: it is told to be durable from here on.
    try stored { () throws(StorageError) in try segment.file.sync() }
  }

  /// Ends the last segment after its last good batch.
  ///
  /// A batch is written only after the one before it is durable. So if any whole batch follows the
  /// bad place, the place was good once and is damaged; if none does, a write was torn there, and
  /// nobody was told that it is durable.
  private func cutTail(
    of segment: Segment,
    _ scan: SegmentScan,
    expected: SequenceNumber
  ) throws(JournalError) {
    let end = segment.usedByteCount
    if try scan.nextBatch(from: end, notBefore: expected) != nil {
      throw .corrupt(file: segment.name, offset: end)
    }
    guard try scan.header(at: end) != nil else { return }
    try stored { () throws(StorageError) in try SegmentScan.void(segment.file, at: end) }
  }

  /// Takes a segment that was made ready and has no batches yet.
  private mutating func takeEmpty(
    _ segment: Segment,
    after expected: SequenceNumber?
  ) throws(JournalError) {
    let scan = SegmentScan(segment)
    try cutTail(of: segment, scan, expected: expected ?? state.folded.next)
    if contents.prepared == nil {
      contents.prepared = segment
    } else {
      // The first append to the one before had failed when the next one was made ready.
      try remove([segment.name])
    }
    contents.lastOrdinal = contents.prepared?.ordinal ?? segment.ordinal
  }

  /// Takes note of a batch's records and gives their times.
  private mutating func take(
    _ header: BatchHeader,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    of segment: inout Segment
  ) throws(JournalError) -> BatchTimes {
    var expected = header.firstSequence
    var payload = header.payloadOffset
    var times: BatchTimes?
    for index in 0..<header.recordCount {
      guard let record = unsafe SegmentScan.record(index, of: bytes),
        record.sequence == expected, record.fits(contents.replicas.room)
      else {
        let start = BatchHeader.byteCount + index * StreamRecord.encodedByteCount
        throw .corrupt(file: segment.name, offset: offset + UInt64(start))
      }
      let end = payload + record.payloadByteCount
      let content = unsafe UnsafeRawBufferPointer(rebasing: bytes[payload..<end])
      unsafe segment.note(record, fileOffset: offset + UInt64(payload), payload: content)
      if record.sequence > state.folded { unsafe contents.history.add(record, payload: content) }
      if times == nil { times = BatchTimes(record.time) } else { times?.add(record.time) }
      payload = end
      expected = expected.next
    }
    guard let times else { throw .corrupt(file: segment.name, offset: offset) }
    return times
  }
}

extension StreamRecord {
  /// Whether the record's range lies in a volume that there is.
  func fits(_ sizes: VolumeSizes) -> Bool {
    switch kind {
    case .write, .zeroes:
      let size = sizes[Int(volume)]
      // One of no bytes, too: its volume is looked up by its number.
      return size > 0 && offset <= size && UInt64(length) <= size - offset
    case .mark, .syncBegan, .syncEnded:
      return true
    }
  }
}
