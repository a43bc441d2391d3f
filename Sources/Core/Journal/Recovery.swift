// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Finds out what a folder holds after whatever happened to it.
struct Recovery {
  private let folder: any StorageFolder
  private let state: SavedState
  private var contents: StreamJournal.Contents

  static func run(
    stream: StreamIdentifier,
    folder: any StorageFolder,
    volumeSizes: [UInt64],
    settings: StreamJournal.Settings
  ) throws(JournalError) -> (state: SavedState, contents: StreamJournal.Contents) {
    let names = try stored { () throws(StorageError) in try folder.list() }.sorted()
    try stored { () throws(StorageError) in
      for name in names where name.hasSuffix(".tmp") { try folder.remove(name) }
    }
    let segmentNames = names.filter { $0.hasSuffix(".journal") }
    var state = SavedState(stream: stream, volumeSizes: volumeSizes)
    if let found = try SavedState.load(from: folder) {
      guard found.stream == stream, found.volumeSizes == volumeSizes else { throw .otherStream }
      state = found
    } else {
      guard segmentNames.isEmpty else { throw .stateDamaged }
      try state.save(to: folder)
    }
    var recovery = Recovery(folder: folder, state: state, settings: settings)
    if state.isComplete, !state.isPromoted {
      try recovery.scan(segmentNames)
    } else {
      // A first sync goes into the replicas, a promoted journal is in them: segments left over
      // from before are of no use.
      try recovery.remove(segmentNames)
    }
    return (state, recovery.contents)
  }

  private init(
    folder: any StorageFolder,
    state: SavedState,
    settings: StreamJournal.Settings
  ) {
    self.folder = folder
    self.state = state
    contents = StreamJournal.Contents(
      phase: !state.isComplete ? .filling : state.isPromoted ? .promoted : .complete,
      durable: state.folded,
      folded: state.folded,
      floor: state.folded,
      index: ExtentIndex(volumeCount: state.volumeSizes.count),
      history: StreamHistory(base: state.folded, sync: state.sync, checkpoint: state.checkpoint),
      settings: settings
    )
  }

  private func remove(_ names: [String]) throws(JournalError) {
    guard !names.isEmpty else { return }
    try stored { () throws(StorageError) in
      for name in names { try folder.remove(name) }
      try folder.sync()
    }
  }

  /// Reads the segments, whose names sort in the order of their records.
  private mutating func scan(_ names: [String]) throws(JournalError) {
    var segments: [Segment] = []
    for name in names { segments.append(try open(name)) }
    // A fold may have been stopped between saving its result and removing what it folded.
    let needed = state.folded.next
    let gone = zip(segments, segments.dropFirst()).prefix { $1.firstSequence <= needed }.count
    try remove(segments[..<gone].map(\.name))
    segments.removeFirst(gone)

    if let first = segments.first, first.firstSequence > needed {
      throw .corrupt(file: first.name, offset: 0)
    }
    for index in segments.indices {
      let next = index + 1 < segments.count ? segments[index + 1].firstSequence : nil
      try scan(segments[index], next: next)
    }
  }

  private mutating func open(_ name: String) throws(JournalError) -> Segment {
    let file = try stored { () throws(StorageError) in try folder.open(name, creating: false) }
    let buffer = AlignedBuffer()
    let bytes = unsafe buffer.bytes(SegmentHeader.byteCount)
    do { unsafe try file.read(at: 0, into: bytes) } catch .pastEnd {
      throw .corrupt(file: name, offset: 0)
    } catch { throw .storage(error) }
    let header = unsafe try SegmentHeader(decoding: bytes, file: name)
    guard header.fileName == name else { throw .corrupt(file: name, offset: 16) }
    guard header.stream == state.stream, header.volumeSizes == state.volumeSizes else {
      throw .otherStream
    }
    contents.lastSegmentNumber += 1
    return Segment(number: contents.lastSegmentNumber, header: header, file: file)
  }

  /// Reads the batches of one segment; `next` is where the following one begins.
  private mutating func scan(_ segment: Segment, next: SequenceNumber?) throws(JournalError) {
    var segment = segment
    let scan = try SegmentScan(segment)
    var expected = segment.firstSequence
    var lastBatch: (offset: UInt64, header: BatchHeader)?
    while true {
      let offset = segment.usedByteCount
      var times: (WallTime, WallTime)?
      let header = unsafe try scan.batch(at: offset) {
        (header, bytes) throws(JournalError) in
        guard header.firstSequence == expected else { return }
        times = unsafe try take(header, bytes, at: offset, of: segment)
      }
      guard let header, let times else { break }
      segment.grow(by: header, first: times.0, last: times.1)
      lastBatch = (offset, header)
      expected = header.lastSequence.next
    }
    if let next {
      guard next == expected else {
        throw .corrupt(file: segment.name, offset: segment.usedByteCount)
      }
    } else {
      try cutTail(of: segment, scan, expected: expected)
      if let lastBatch { try scan.rewrite(lastBatch.header, at: lastBatch.offset) }
      // What was read may have been in memory alone: it is told to be durable from here on.
      try stored { () throws(StorageError) in try segment.file.sync() }
    }
    contents.durable = max(contents.durable, segment.lastSequence)
    contents.segments.append(segment)
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
    guard scan.hasBytes(after: end) else { return }
    try stored { () throws(StorageError) in
      try segment.file.resize(to: end)
      try segment.file.reserve(max(end, contents.settings.segmentByteCount))
    }
  }

  /// Takes note of a batch's records and gives the times of the first and the last one.
  private mutating func take(
    _ header: BatchHeader,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    of segment: Segment
  ) throws(JournalError) -> (WallTime, WallTime) {
    var expected = header.firstSequence
    var payload = header.payloadOffset
    var times: (WallTime, WallTime)?
    for index in 0..<header.recordCount {
      let start = BatchHeader.byteCount + index * StreamRecord.encodedByteCount
      let place = offset + UInt64(start)
      guard
        let record = unsafe StreamRecord(
          decoding: UnsafeRawBufferPointer(rebasing: bytes[start...])
        ),
        record.sequence == expected, record.fits(contents.index.volumeCount, state.volumeSizes),
        payload + record.payloadByteCount <= header.contentByteCount
      else { throw .corrupt(file: segment.name, offset: place) }
      if record.sequence > state.folded {
        unsafe contents.note(
          record,
          segment: segment.number,
          fileOffset: offset + UInt64(payload),
          payload: UnsafeRawBufferPointer(
            rebasing: bytes[payload..<(payload + record.payloadByteCount)]
          )
        )
      }
      times = (times?.0 ?? record.time, record.time)
      payload += record.payloadByteCount
      expected = expected.next
    }
    guard payload == header.contentByteCount, let times else {
      throw .corrupt(file: segment.name, offset: offset)
    }
    return times
  }
}

extension StreamRecord {
  /// Whether the record's range lies in a volume that there is.
  func fits(_ volumeCount: Int, _ sizes: [UInt64]) -> Bool {
    switch kind {
    case .write, .zeroes:
      guard Int(volume) < volumeCount else { return false }
      let size = sizes[Int(volume)]
      return offset <= size && UInt64(length) <= size - offset
    case .mark, .syncBegan, .syncEnded:
      return true
    }
  }
}

extension StreamJournal.Contents {
  /// Takes note of a durable record, whose payload is at `fileOffset` of a segment.
  mutating func note(
    _ record: StreamRecord,
    segment: UInt32,
    fileOffset: UInt64,
    payload: UnsafeRawBufferPointer
  ) {
    switch record.kind {
    case .write, .zeroes:
      index.add(
        record.sequence,
        volume: Int(record.volume),
        offset: record.offset,
        count: record.length,
        segment: record.kind == .write ? segment : ExtentIndex.Extent.zeroes,
        fileOffset: fileOffset
      )
    case .mark, .syncBegan, .syncEnded:
      history.add(record) { unsafe String(decoding: payload, as: UTF8.self) }
    }
  }
}
