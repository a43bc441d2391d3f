// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Where to begin to look for the last record that is not after a time.
///
/// A mark stands for a stretch of batches, up to the next mark.
struct TimeTable: Sendable {
  struct Mark: Equatable, Sendable {
    /// Where the first batch is in the segment's file.
    var fileOffset: UInt64
    /// The lowest time of all records in the stretch.
    var lowest: WallTime
    var firstSequence: SequenceNumber

    static let byteCount = 24
  }

  /// A stretch is closed once it has so many bytes.
  static let stretchByteCount: UInt64 = 1 << 20

  private(set) var marks: [Mark] = []

  /// Takes note of the next batch.
  mutating func add(_ batch: Mark) {
    guard let last = marks.last, batch.fileOffset - last.fileOffset < Self.stretchByteCount else {
      marks.append(batch)
      return
    }
    if batch.lowest < last.lowest { marks[marks.count - 1].lowest = batch.lowest }
  }

  /// Takes a mark as it was written.
  mutating func restore(_ mark: Mark) { marks.append(mark) }

  /// The newest stretch that has a record which is not after a time.
  func mark(notAfter time: WallTime) -> Int? { marks.lastIndex { $0.lowest <= time } }

  /// The stretch a record is in.
  func mark(of sequence: SequenceNumber) -> Int? {
    marks.lastIndex { $0.firstSequence <= sequence }
  }
}
