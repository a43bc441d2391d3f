// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// What only the appending thread needs.
  struct Appender: Sendable {
    let buffer = AlignedBuffer()
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

  /// Lets go of memory that only appending needs, until the next append.
  package func releaseMemory() {
    appender.withLock { $0.buffer.release() }
  }

  private func check(
    _ records: [StreamRecord],
    _ payload: UnsafeRawBufferPointer
  ) throws(JournalError) {
    var (expected, volumes, replicas) = contents.withLock {
      ($0.durable.next, $0.history.volumes, $0.replicas)
    }
    var position = 0
    for record in records {
      guard record.sequence == expected else {
        throw .gap(expected: expected, found: record.sequence)
      }
      let end = position + record.payloadByteCount
      guard record.fits(volumes), end <= payload.count,
        unsafe record.payloadByteCount == 0
          || Checksum.of(UnsafeRawBufferPointer(rebasing: payload[position..<end]))
            == record.payloadChecksum
      else { throw .malformed(record.sequence) }
      if record.kind == .syncBegan, end > position {
        let said = unsafe VolumeSizes(
          decoding: UnsafeRawBufferPointer(rebasing: payload[position..<end])
        )
        guard let said, said.canFollow(volumes), replicas.hasRoom(for: said) else {
          throw .otherVolumes(record.sequence)
        }
        volumes = said.padded(to: volumes.bytes.count)
      }
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
      payloadByteCount: payload.count,
      isPayloadAligned: unsafe Self.isWrittenInPlace(payload)
    )
    precondition(header.contentByteCount <= BatchHeader.contentByteLimit, "a batch is too large")
    let end = try placeForBatch(of: UInt64(header.paddedByteCount), at: first.time)
    header.salt = end.salt

    do {
      unsafe try write(header, records, payload, appender.buffer, to: end)
      try end.file.sync()
    } catch {
      appender.isEndUnknown = true
      throw failed(error)
    }
    contents.withLock { contents in
      let segment = contents.segments.count - 1
      var times = BatchTimes(first.time)
      var position = header.payloadOffset
      for record in records {
        let start = position - header.payloadOffset
        let content = unsafe UnsafeRawBufferPointer(
          rebasing: payload[start..<(start + record.payloadByteCount)]
        )
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

  /// Whether a payload is large, and lies in memory as it has to for direct writes: it is written
  /// from where it is then.
  private static func isWrittenInPlace(_ payload: UnsafeRawBufferPointer) -> Bool {
    let unit = BatchHeader.alignment
    return payload.count >= 16 * unit && payload.count % unit == 0
      && Int(bitPattern: payload.baseAddress) % unit == 0
  }

  private func write(
    _ header: BatchHeader,
    _ records: ArraySlice<StreamRecord>,
    _ payload: UnsafeRawBufferPointer,
    _ buffer: AlignedBuffer,
    to end: End
  ) throws(StorageError) {
    let isInPlace = unsafe Self.isWrittenInPlace(payload)
    let batch = unsafe buffer.bytes(isInPlace ? header.payloadOffset : header.paddedByteCount)
    unsafe header.encode(into: batch)
    var position = BatchHeader.byteCount
    for record in records {
      let end = position + StreamRecord.encodedByteCount
      unsafe record.encode(into: UnsafeMutableRawBufferPointer(rebasing: batch[position..<end]))
      position = end
    }
    unsafe BatchHeader.seal(UnsafeMutableRawBufferPointer(rebasing: batch[..<position]))
    if isInPlace {
      unsafe UnsafeMutableRawBufferPointer(rebasing: batch[position...])
        .initializeMemory(as: UInt8.self, repeating: 0)
      unsafe try end.file.write(UnsafeRawBufferPointer(batch), payload, at: end.offset)
    } else {
      unsafe UnsafeMutableRawBufferPointer(rebasing: batch[position...]).copyMemory(from: payload)
      unsafe UnsafeMutableRawBufferPointer(rebasing: batch[header.contentByteCount...])
        .initializeMemory(as: UInt8.self, repeating: 0)
      unsafe try end.file.write(UnsafeRawBufferPointer(batch), at: end.offset)
    }
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
