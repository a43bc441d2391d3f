// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// An open segment file.
///
/// A reader that has it can go on reading when its name is removed.
struct Segment: Sendable {
  /// Distinguishes the open segments of one journal; extents refer to it.
  let number: UInt32
  let name: String
  let salt: UInt64
  let firstSequence: SequenceNumber
  let file: any StorageFile

  /// What the batches in it say; `lastSequence` is before `firstSequence` if there are none.
  var lastSequence: SequenceNumber
  /// The end of the last batch.
  var usedByteCount: UInt64
  var firstTime: WallTime?
  var lastTime: WallTime?

  init(number: UInt32, header: SegmentHeader, file: any StorageFile) {
    self.number = number
    name = header.fileName
    salt = header.salt
    firstSequence = header.firstSequence
    self.file = file
    lastSequence = SequenceNumber(header.firstSequence.rawValue - 1)
    usedByteCount = UInt64(SegmentHeader.byteCount)
  }

  /// Takes note of a durable batch at the end.
  mutating func grow(by batch: BatchHeader, first: WallTime, last: WallTime) {
    lastSequence = batch.lastSequence
    usedByteCount += UInt64(batch.paddedByteCount)
    firstTime = firstTime ?? first
    lastTime = last
  }
}
