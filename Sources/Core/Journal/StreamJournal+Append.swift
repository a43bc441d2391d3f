// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// What only the appending thread needs.
  struct Appender: Sendable {
    let buffer = AlignedBuffer()
    /// While filling: payload bytes since the state was saved.
    var unsavedByteCount = 0
    /// Set while the end of the last segment is not known to be what memory says it is.
    var isEndUnknown = false
  }

  /// After so many bytes of the first sync its progress is saved.
  private static let progressByteCount = 64 << 20

  /// Appends records, which must follow the last one, with their payloads end to end, and makes
  /// them durable.
  ///
  /// All records become durable or, if it throws, at least those before it do not suffer: the call
  /// can be repeated. While the first sync runs, records go straight into the replicas.
  package func append(
    _ records: [StreamRecord],
    payload: UnsafeRawBufferPointer
  ) throws(JournalError) {
    guard !records.isEmpty else { return }
    try appender.withLock { appender throws(JournalError) in
      unsafe try check(records, payload)
      var phase = contents.withLock { $0.phase }
      guard phase != .promoted else { throw .promoted }

      var first = (record: 0, payload: 0)
      var end = 0
      for index in records.indices {
        let record = records[index]
        if phase == .complete, record.kind == .syncBegan, record.offset == 1 {
          let run = unsafe UnsafeRawBufferPointer(rebasing: payload[first.payload..<end])
          unsafe try appendBatch(records[first.record..<index], run, &appender)
          try reset(before: record.sequence, &appender)
          phase = .filling
          first = (index, end)
        }
        end += record.payloadByteCount
        if phase == .filling, record.kind == .syncEnded {
          let run = unsafe UnsafeRawBufferPointer(rebasing: payload[first.payload..<end])
          unsafe try apply(records[first.record...index], run, &appender)
          if try complete(at: record.sequence) { phase = .complete }
          first = (index + 1, end)
        }
      }
      let rest = unsafe UnsafeRawBufferPointer(rebasing: payload[first.payload..<end])
      if phase == .complete {
        unsafe try appendBatch(records[first.record...], rest, &appender)
      } else {
        unsafe try apply(records[first.record...], rest, &appender)
      }
    }
  }

  /// Makes sure that nothing follows the last durable record; to be called before a sender is told
  /// where to go on.
  ///
  /// After a failed append its records may be in the segment nevertheless. Without this a restart
  /// could find them and take them for those that another sender has given the same numbers.
  package func makeReady() throws(JournalError) {
    try appender.withLock { appender throws(JournalError) in
      if appender.isEndUnknown { try repairEnd(&appender) }
    }
  }

  private func check(
    _ records: [StreamRecord],
    _ payload: UnsafeRawBufferPointer
  ) throws(JournalError) {
    var expected = contents.withLock { $0.durable.next }
    var position = 0
    for record in records {
      guard record.sequence == expected else {
        throw .gap(expected: expected, found: record.sequence)
      }
      let end = position + record.payloadByteCount
      guard record.fits(replicas.count, volumeSizes), end <= payload.count,
        unsafe record.payloadByteCount == 0
          || Checksum.of(UnsafeRawBufferPointer(rebasing: payload[position..<end]))
            == record.payloadChecksum
      else { throw .malformed(record.sequence) }
      position = end
      expected = expected.next
    }
    guard position == payload.count else { throw .malformed(records[0].sequence) }
  }

  // MARK: Batches

  /// One write and one sync for all the records.
  private func appendBatch(
    _ records: ArraySlice<StreamRecord>,
    _ payload: UnsafeRawBufferPointer,
    _ appender: inout Appender
  ) throws(JournalError) {
    guard let first = records.first, let last = records.last else { return }
    if appender.isEndUnknown { try repairEnd(&appender) }
    var header = BatchHeader(
      firstSequence: first.sequence,
      salt: 0,
      recordCount: records.count,
      payloadByteCount: payload.count
    )
    let segment = try segmentWithRoom(for: header, first)
    header.salt = segment.salt

    let batch = unsafe appender.buffer.bytes(header.paddedByteCount)
    unsafe fill(batch, header, records, payload)
    do {
      unsafe try segment.file.write(UnsafeRawBufferPointer(batch), at: segment.usedByteCount)
      try segment.file.sync()
    } catch {
      appender.isEndUnknown = true
      throw .storage(error)
    }
    contents.withLock { contents in
      var position = 0
      for record in records {
        let count = record.payloadByteCount
        unsafe contents.note(
          record,
          segment: segment.number,
          fileOffset: segment.usedByteCount + UInt64(header.payloadOffset + position),
          payload: UnsafeRawBufferPointer(rebasing: payload[position..<(position + count)])
        )
        position += count
      }
      contents.segments[contents.segments.count - 1].grow(
        by: header,
        first: first.time,
        last: last.time
      )
      contents.durable = last.sequence
    }
  }

  private func fill(
    _ batch: UnsafeMutableRawBufferPointer,
    _ header: BatchHeader,
    _ records: ArraySlice<StreamRecord>,
    _ payload: UnsafeRawBufferPointer
  ) {
    unsafe header.encode(into: batch)
    var position = BatchHeader.byteCount
    for record in records {
      let end = position + StreamRecord.encodedByteCount
      unsafe record.encode(into: UnsafeMutableRawBufferPointer(rebasing: batch[position..<end]))
      position = end
    }
    unsafe UnsafeMutableRawBufferPointer(rebasing: batch[position...]).copyMemory(from: payload)
    unsafe UnsafeMutableRawBufferPointer(rebasing: batch[header.contentByteCount...])
      .initializeMemory(as: UInt8.self, repeating: 0)
    unsafe BatchHeader.seal(
      UnsafeMutableRawBufferPointer(rebasing: batch[..<header.contentByteCount])
    )
  }

  /// The last segment, or a new one if the batch does not fit or the last one is old enough.
  private func segmentWithRoom(
    for batch: BatchHeader,
    _ first: StreamRecord
  ) throws(JournalError) -> Segment {
    let (last, settings, number) = contents.withLock {
      ($0.segments.last, $0.settings, $0.lastSegmentNumber + 1)
    }
    let needed = UInt64(batch.paddedByteCount)
    if let last {
      let age = last.firstTime.map { first.time.milliseconds(since: $0) } ?? 0
      if last.lastTime == nil
        || last.usedByteCount + needed <= settings.segmentByteCount
          && age <= settings.segmentMilliseconds
      {
        return last
      }
      // Gives back what was set aside and is not used. Whether that is durable does not matter.
      try stored { () throws(StorageError) in try last.file.resize(to: last.usedByteCount) }
    }
    let header = SegmentHeader(
      stream: stream,
      firstSequence: first.sequence,
      volumeSizes: volumeSizes
    )
    let file = try makeFile(
      header,
      byteCount: max(settings.segmentByteCount, UInt64(SegmentHeader.byteCount) + needed)
    )
    let segment = Segment(number: number, header: header, file: file)
    contents.withLock {
      $0.lastSegmentNumber = number
      $0.segments.append(segment)
    }
    return segment
  }

  /// A segment gets its name only once its header is durable, so a named one always has a header.
  private func makeFile(
    _ header: SegmentHeader,
    byteCount: UInt64
  ) throws(JournalError) -> any StorageFile {
    let buffer = AlignedBuffer()
    let bytes = unsafe buffer.bytes(SegmentHeader.byteCount)
    unsafe header.encode(into: bytes)
    return try stored { () throws(StorageError) in
      let file = try folder.open("segment.tmp", creating: true)
      try file.resize(to: 0)
      try file.reserve(byteCount)
      unsafe try file.write(UnsafeRawBufferPointer(bytes), at: 0)
      try file.sync()
      try folder.rename("segment.tmp", to: header.fileName)
      try folder.sync()
      return file
    }
  }

  /// After a write or a sync failed nobody knows which bytes of the batch are on the disk, and a
  /// second sync would not tell.
  ///
  /// Cutting them off makes the end known again.
  private func repairEnd(_ appender: inout Appender) throws(JournalError) {
    let (last, size) = contents.withLock { ($0.segments.last, $0.settings.segmentByteCount) }
    if let last {
      try stored { () throws(StorageError) in
        try last.file.resize(to: last.usedByteCount)
        try last.file.reserve(max(size, last.usedByteCount))
        try last.file.sync()
      }
    }
    appender.isEndUnknown = false
  }

  // MARK: The first sync

  /// Writes records into the replicas and makes them durable there.
  private func apply(
    _ records: ArraySlice<StreamRecord>,
    _ payload: UnsafeRawBufferPointer,
    _ appender: inout Appender
  ) throws(JournalError) {
    guard let last = records.last else { return }
    var touched = Set<Int>()
    var position = 0
    try stored { () throws(StorageError) in
      for record in records {
        let end = position + record.payloadByteCount
        switch record.kind {
        case .write:
          let bytes = unsafe UnsafeRawBufferPointer(rebasing: payload[position..<end])
          unsafe try replicas[Int(record.volume)].write(bytes, at: record.offset)
          touched.insert(Int(record.volume))
        case .zeroes:
          try replicas[Int(record.volume)].punchHole(
            at: record.offset,
            count: UInt64(record.length)
          )
          touched.insert(Int(record.volume))
        case .mark, .syncBegan, .syncEnded:
          break
        }
        position = end
      }
      for volume in touched { try replicas[volume].sync() }
    }
    appender.unsavedByteCount += payload.count
    let began = records.last { $0.kind == .syncBegan }
    if began != nil || appender.unsavedByteCount >= Self.progressByteCount {
      try save { saved in
        saved.folded = last.sequence
        if let began { saved.sync = began.offset }
      }
      appender.unsavedByteCount = 0
    }
    contents.withLock { contents in
      for record in records { contents.history.add(record) { "" } }
      contents.durable = last.sequence
    }
  }

  /// Makes the progress of the first sync durable, so that a restart goes on from here.
  package func saveProgress() throws(JournalError) {
    try appender.withLock { appender throws(JournalError) in
      let (phase, durable) = contents.withLock { ($0.phase, $0.durable) }
      guard phase == .filling else { return }
      try save { $0.folded = durable }
      appender.unsavedByteCount = 0
    }
  }

  /// Ends the first sync, if what ended is a sync that brings the whole content.
  private func complete(at sequence: SequenceNumber) throws(JournalError) -> Bool {
    let kind = saved.withLock { $0.sync }
    guard kind == 1 || kind == 2 else { return false }
    try stored { () throws(StorageError) in
      for replica in replicas { try replica.sync() }
    }
    try save { saved in
      saved.isComplete = true
      saved.folded = sequence
      saved.folding = SequenceNumber(0)
      saved.sync = 0
      saved.checkpoint = nil
    }
    contents.withLock { contents in
      contents.phase = .complete
      contents.begin(at: sequence)
    }
    return true
  }

  /// A first sync begins anew: the points there are give way.
  private func reset(
    before sequence: SequenceNumber,
    _ appender: inout Appender
  ) throws(JournalError) {
    try folding.withLock { _ throws(JournalError) in
      if let held = contents.withLock({ $0.oldestNeeded }) { throw .held(held) }
      let previous = SequenceNumber(sequence.rawValue - 1)
      try save { saved in
        saved.isComplete = false
        saved.folded = previous
        saved.folding = SequenceNumber(0)
        saved.sync = 0
        saved.checkpoint = nil
      }
      let names = contents.withLock { contents in
        contents.phase = .filling
        let names = contents.segments.map(\.name)
        contents.begin(at: previous)
        return names
      }
      try remove(names)
    }
  }

  /// Removes segments' files.
  func remove(_ names: [String]) throws(JournalError) {
    guard !names.isEmpty else { return }
    try stored { () throws(StorageError) in
      for name in names { try folder.remove(name) }
      try folder.sync()
    }
  }
}

extension StreamJournal.Contents {
  /// Nothing but the replicas, as of a record.
  mutating func begin(at sequence: SequenceNumber, checkpoint: Checkpoint? = nil) {
    durable = sequence
    folded = sequence
    floor = sequence
    index = ExtentIndex(volumeCount: index.volumeCount)
    history = StreamHistory(base: sequence, sync: 0, checkpoint: checkpoint)
    segments = []
  }
}
