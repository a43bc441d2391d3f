// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// What only the appending thread needs.
  struct Appender: Sendable {
    let buffer: AlignedBuffer
    /// Set while replicas may have, in memory alone, what a failed write of the first sync left.
    var isReplicaUnknown = false
    /// While filling: payload bytes since the state was saved.
    var unsavedByteCount = 0
    /// While filling: the time of the last record when the state was saved.
    var savedTime: WallTime?
    /// Set while the end of the last segment is not known to be what memory says it is.
    var isEndUnknown = false
  }

  /// More closed segments than this do not wait for their index to be made by ``maintain()``.
  private static let unindexedLimit = 4

  /// Appends records, which must follow the last one, with their payloads end to end, and makes
  /// them durable.
  ///
  /// The payloads may lie in several pieces, as long as none is in two. All records become durable
  /// or, if it throws, at least those before it do not suffer: the call can be repeated. While the
  /// first sync runs, records go straight into the replicas.
  package func append(
    _ records: [StreamRecord],
    payloads pieces: [UnsafeRawBufferPointer]
  ) throws(JournalError) {
    guard !records.isEmpty else { return }
    var rest = unsafe Payloads(pieces)
    try appender.withLock { appender throws(JournalError) in
      try check(records, rest)
      var phase = contents.withLock { $0.phase }
      guard phase != .promoted else { throw .promoted }

      // What is before `first` is done; `rest` are the payloads from there on.
      var first = records.startIndex
      var next = rest
      for index in records.indices {
        let record = records[index]
        if phase == .complete, record.kind == .syncBegan, record.offset == 1 {
          try appendBatch(records[first..<index], rest, &appender)
          try reset(before: record.sequence, &appender)
          phase = .filling
          (first, rest) = (index, next)
        }
        _ = unsafe next.take(record)
        if phase == .filling, record.kind == .syncEnded {
          try apply(records[first...index], rest, &appender)
          if try complete(at: record.sequence) { phase = .complete }
          (first, rest) = (index + 1, next)
        }
      }
      if phase == .complete {
        try appendBatch(records[first...], rest, &appender)
      } else {
        try apply(records[first...], rest, &appender)
      }
    }
  }

  /// Like ``append(_:payloads:)``, with all payloads in one piece.
  package func append(
    _ records: [StreamRecord],
    payload: UnsafeRawBufferPointer
  ) throws(JournalError) {
    unsafe try append(records, payloads: [payload])
  }

  /// Makes sure that nothing follows the last durable record; to be called before a sender is told
  /// where to go on.
  ///
  /// After a failed append its records may be in the segment nevertheless. Without this a restart
  /// could find them and take them for those that another sender has given the same numbers. And of
  /// a first sync nothing that is in memory only must be taken for what the replicas have.
  package func makeReady() throws(JournalError) {
    try appender.withLock { appender throws(JournalError) in
      if appender.isEndUnknown { try repairEnd(&appender) }
      if appender.isReplicaUnknown {
        try distrustMemory()
        appender.isReplicaUnknown = false
      }
    }
  }

  /// Lets go of memory that only appending needs, until the next append.
  package func releaseMemory() {
    appender.withLock { $0.buffer.release() }
  }

  private func check(
    _ records: [StreamRecord],
    _ payloads: Payloads
  ) throws(JournalError) {
    var (expected, volumes, replicas) = contents.withLock {
      ($0.durable.next, $0.history.volumes, $0.replicas)
    }
    var payloads = payloads
    for record in records {
      guard record.sequence == expected else {
        throw .gap(expected: expected, found: record.sequence)
      }
      guard record.fits(volumes), let payload = unsafe payloads.next(record),
        unsafe record.isPayload(payload)
      else { throw .malformed(record.sequence) }
      if unsafe record.kind == .syncBegan && !payload.isEmpty {
        let said = unsafe VolumeSizes(decoding: payload)
        guard let said, said.canFollow(volumes), replicas.hasRoom(for: said) else {
          throw .otherVolumes(record.sequence)
        }
        volumes = said.padded(to: volumes.bytes.count)
      }
      expected = expected.next
    }
    guard payloads.isEmpty else { throw .malformed(records[0].sequence) }
  }

  // MARK: Batches

  /// One write and one sync for all the records.
  private func appendBatch(
    _ records: ArraySlice<StreamRecord>,
    _ payloads: Payloads,
    _ appender: inout Appender
  ) throws(JournalError) {
    guard let first = records.first, let last = records.last else { return }
    if appender.isEndUnknown { try repairEnd(&appender) }
    var header = BatchHeader(
      firstSequence: first.sequence,
      salt: 0,
      recordCount: records.count,
      payloadByteCount: records.payloadByteCount
    )
    precondition(header.contentByteCount <= BatchHeader.contentByteLimit, "a batch is too large")
    let end = try placeForBatch(of: UInt64(header.paddedByteCount), at: first.time)
    header.salt = end.salt

    do {
      try write(header, records, payloads, appender.buffer, to: end)
      try end.file.sync()
    } catch {
      appender.isEndUnknown = true
      throw failed(error)
    }
    contents.withLock { contents in
      let segment = contents.segments.count - 1
      var times = BatchTimes(first.time)
      var payloads = payloads
      var position = header.payloadOffset
      for record in records {
        let content = unsafe payloads.take(record)
        unsafe contents.segments[segment].note(
          record,
          fileOffset: end.offset + UInt64(position),
          payload: content
        )
        unsafe contents.history.add(record, payload: content)
        times.add(record.time)
        position += record.payloadByteCount
      }
      contents.segments[segment].grow(by: header, times)
      contents.durable = last.sequence
    }
  }

  /// Payloads are copied, wherever they lie: from memory that suits the storage the whole batch is
  /// written sooner than without the copy.
  private func write(
    _ header: BatchHeader,
    _ records: ArraySlice<StreamRecord>,
    _ payloads: Payloads,
    _ buffer: AlignedBuffer,
    to end: End
  ) throws(StorageError) {
    let batch = unsafe buffer.bytes(header.paddedByteCount)
    unsafe header.encode(into: batch)
    var position = BatchHeader.byteCount
    for record in records {
      let end = position + StreamRecord.encodedByteCount
      unsafe record.encode(into: UnsafeMutableRawBufferPointer(rebasing: batch[position..<end]))
      position = end
    }
    unsafe BatchHeader.seal(UnsafeMutableRawBufferPointer(rebasing: batch[..<position]))
    let content = header.payloadOffset..<header.contentByteCount
    for gap in [position..<content.lowerBound, content.upperBound..<batch.count] {
      unsafe UnsafeMutableRawBufferPointer(rebasing: batch[gap])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
    var payloads = payloads
    position = content.lowerBound
    for record in records {
      let payload = unsafe payloads.take(record)
      unsafe UnsafeMutableRawBufferPointer(rebasing: batch[position...])
        .copyMemory(from: payload)
      position += payload.count
    }
    unsafe try end.file.write(UnsafeRawBufferPointer(batch), at: end.offset)
  }

  /// Where the next batch goes.
  private struct End {
    var file: any StorageFile
    var salt: UInt64
    var offset: UInt64
  }

  /// The end of the last segment, or the beginning of a new one if the batch does not fit or the
  /// last one is old enough.
  private func placeForBatch(
    of byteCount: UInt64,
    at time: WallTime
  ) throws(JournalError) -> End {
    let end = contents.withLock { contents -> End? in
      guard let last = contents.segments.last, !last.isClosed else { return nil }
      let age = last.firstTime.map { time.milliseconds(since: $0) } ?? 0
      guard
        last.isEmpty
          || last.usedByteCount + byteCount <= last.fileByteCount
            && age <= contents.settings.segmentMilliseconds
            && (last.recent?.entries.count ?? 0) < Settings.segmentExtentLimit
      else { return nil }
      return End(file: last.file, salt: last.salt, offset: last.usedByteCount)
    }
    guard let end else { return try beginSegment(of: byteCount) }
    try lengthen(byteCount: end.offset + byteCount)
    return end
  }

  /// Goes on with the segment that was made ready.
  private func beginSegment(of byteCount: UInt64) throws(JournalError) -> End {
    // Whoever should have made one ready is late.
    if contents.withLock({ $0.prepared == nil }) { try makeSegmentReady() }
    let (end, unindexed) = contents.withLock { contents -> (End?, Int) in
      guard let next = contents.prepared else { return (nil, 0) }
      contents.prepared = nil
      if !contents.segments.isEmpty {
        contents.segments[contents.segments.count - 1].isClosed = true
      }
      contents.segments.append(next)
      contents.refreshView()
      let unindexed = contents.segments.reduce(0) { $0 + ($1.recent == nil ? 0 : 1) }
      return (End(file: next.file, salt: next.salt, offset: next.usedByteCount), unindexed)
    }
    guard let end else { preconditionFailure("only the appender takes a segment that is ready") }
    // If the file cannot be written, opening reads the segment: no reason not to append.
    if unindexed > Self.unindexedLimit { try? indexClosedSegments() }
    try lengthen(byteCount: end.offset + byteCount)
    return end
  }

  /// Makes room in the last segment for a batch that is larger than a segment.
  private func lengthen(byteCount: UInt64) throws(JournalError) {
    guard
      let file = contents.withLock({ contents in
        contents.segments.last.flatMap { $0.fileByteCount < byteCount ? $0.file : nil }
      })
    else { return }
    do { try file.reserve(byteCount) } catch { throw failed(error) }
    contents.withLock { $0.segments[$0.segments.count - 1].fileByteCount = byteCount }
  }

  /// After a write or a sync failed nobody knows which bytes of the batch are on the disk, and a
  /// second sync would not tell.
  ///
  /// Overwriting its header makes the end known again.
  private func repairEnd(_ appender: inout Appender) throws(JournalError) {
    let last = contents.withLock { $0.segments.last }
    if let last, !last.isClosed {
      do { try SegmentScan.void(last.file, at: last.usedByteCount) } catch { throw failed(error) }
    }
    appender.isEndUnknown = false
  }

  /// Takes note of what a storage error means for the whole journal.
  func failed(_ error: StorageError) -> JournalError {
    if case .full = error { contents.withLock { $0.isSpaceShort = true } }
    return .storage(error)
  }
}
