// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

extension Recovery {
  /// Takes the segments, oldest first, and finds the end of the last one that has batches.
  mutating func read(_ found: [FoundSegment]) throws(JournalError) {
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
      var isRotten = false
      func taken(_ batch: BatchHeader, _ bytes: UnsafeRawBufferPointer) throws(JournalError) {
        guard batch.firstSequence == expected ?? batch.firstSequence else { return }
        times = unsafe try take(batch, bytes, at: offset, of: &segment, isRotten: isRotten)
      }
      var header = unsafe try scan.batch(at: offset, body: taken)
      if header == nil {
        isRotten = try hasRotted(scan, at: offset, isLast: isLast)
        if isRotten {
          header = unsafe try scan.batch(at: offset, checkingPayload: false, body: taken)
        }
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

  /// Whether a batch whose payload is not what its records say was good once: one that follows
  /// was written only when it was durable.
  private func hasRotted(
    _ scan: SegmentScan,
    at offset: UInt64,
    isLast: Bool
  ) throws(JournalError) -> Bool {
    guard let header = try scan.records(at: offset, { _ in }) else { return false }
    let end = offset + UInt64(header.paddedByteCount)
    guard isLast else { return true }
    return try scan.nextBatch(from: end, notBefore: header.lastSequence.next) != nil
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
  ///
  /// A write whose bytes have rotted is known to be damaged from now on.
  private mutating func take(
    _ header: BatchHeader,
    _ bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    of segment: inout Segment,
    isRotten: Bool
  ) throws(JournalError) -> BatchTimes {
    var expected = header.firstSequence
    var payload = header.payloadOffset
    var times: BatchTimes?
    for index in 0..<header.recordCount {
      guard let record = unsafe SegmentScan.record(index, of: bytes),
        record.sequence == expected, record.fits(contents.replicas.room),
        payload + record.payloadByteCount <= bytes.count
      else {
        let start = BatchHeader.byteCount + index * StreamRecord.encodedByteCount
        throw .corrupt(file: segment.name, offset: offset + UInt64(start))
      }
      let end = payload + record.payloadByteCount
      let content = unsafe UnsafeRawBufferPointer(rebasing: bytes[payload..<end])
      let isDamaged = unsafe isRotten && !record.isPayload(content)
      // What a mark or a sync says has nothing newer that could take its place.
      guard !isDamaged || record.kind == .write else {
        throw .corrupt(file: segment.name, offset: offset + UInt64(payload))
      }
      unsafe segment.note(
        record,
        fileOffset: offset + UInt64(payload),
        payload: content,
        isDamaged: isDamaged
      )
      if isDamaged { noteDamage(of: record, in: segment) }
      if record.sequence > state.folded { unsafe contents.history.add(record, payload: content) }
      if times == nil { times = BatchTimes(record.time) } else { times?.add(record.time) }
      payload = end
      expected = expected.next
    }
    guard let times else { throw .corrupt(file: segment.name, offset: offset) }
    return times
  }

  /// Remembers that the bytes of the write that was noted last are damaged, if a point needs them.
  private mutating func noteDamage(of record: StreamRecord, in segment: Segment) {
    guard record.sequence > state.folded, let recent = segment.recent else { return }
    for entry in recent.entries.reversed() {
      guard recent.base.rawValue + UInt64(entry.sequence) == record.sequence.rawValue,
        let extent = entry.extent(in: segment.ordinal)
      else { return }
      contents.note(
        StreamJournal.Damage(extent: extent, volume: Int(record.volume), place: entry.lower)
      )
    }
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
