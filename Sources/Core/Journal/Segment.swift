// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// A segment and what its batches say.
struct Segment: Sendable {
  /// A mark, or the beginning or end of a sync.
  struct Event: Equatable, Sendable {
    var record: StreamRecord
    /// A mark's tag in UTF-8, or a sync's ``VolumeSizes``.
    var payload: [UInt8]
  }

  /// Counts a journal's segments; files are named by it.
  let ordinal: UInt64
  let salt: UInt64
  /// Replaced by one without the means to write once the segment is closed.
  var file: any StorageFile
  /// The length of the file.
  var fileByteCount: UInt64

  /// The first record; without a meaning while there are no batches.
  var firstSequence = SequenceNumber(0)
  var lastSequence = SequenceNumber(0)
  /// The end of the last batch.
  var usedByteCount = UInt64(SegmentHeader.byteCount)
  var firstTime: WallTime?
  var lastTime: WallTime?
  var times = TimeTable()

  /// The index until it is a run.
  var recent: RecentIndex?
  /// What the index file will have beside the entries; empty once it is written.
  var events: [Event] = []
  /// No batch follows.
  var isClosed = false
  var isIndexed = false

  init(header: SegmentHeader, file: any StorageFile, fileByteCount: UInt64) {
    ordinal = header.ordinal
    salt = header.salt
    self.file = file
    self.fileByteCount = fileByteCount
  }

  var isEmpty: Bool { firstTime == nil }
  var name: String { SegmentHeader.fileName(ordinal) }
  var indexName: String { IndexFile.fileName(ordinal) }

  /// Takes note of a durable batch at the end.
  mutating func grow(by batch: BatchHeader, _ times: BatchTimes) {
    if isEmpty { firstSequence = batch.firstSequence }
    self.times.add(
      TimeTable.Mark(
        fileOffset: usedByteCount,
        lowest: times.lowest,
        firstSequence: batch.firstSequence
      )
    )
    lastSequence = batch.lastSequence
    usedByteCount += UInt64(batch.paddedByteCount)
    firstTime = firstTime ?? times.first
    lastTime = times.last
  }

  /// Takes note of a durable record, whose payload is at `fileOffset`; damaged, it is not what the
  /// record's checksum says.
  mutating func note(
    _ record: StreamRecord,
    fileOffset: UInt64,
    payload: UnsafeRawBufferPointer,
    isDamaged: Bool = false
  ) {
    let index = recent ?? RecentIndex(base: record.sequence.previous, segment: ordinal)
    recent = index
    switch record.kind {
    case .write, .zeroes:
      let isZero = unsafe record.kind == .zeroes || !isDamaged && Checksum.isZero(payload)
      unsafe index.add(
        record,
        payload: isZero ? nil : payload,
        fileOffset: fileOffset,
        isDamaged: isDamaged
      )
    case .mark, .syncBegan, .syncEnded:
      events.append(Event(record: record, payload: unsafe [UInt8](payload)))
    }
  }
}

/// The times of a batch's records.
struct BatchTimes {
  var first: WallTime
  var last: WallTime
  var lowest: WallTime

  init(_ time: WallTime) { (first, last, lowest) = (time, time, time) }

  mutating func add(_ time: WallTime) {
    last = time
    lowest = min(lowest, time)
  }
}

extension SequenceNumber {
  /// The record before; the first one has 0 before it.
  var previous: SequenceNumber { SequenceNumber(rawValue - 1) }
}
