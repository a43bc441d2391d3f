// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What readers look up without a lock: the runs, and the files of all segments.
///
/// It is replaced as a whole when a segment is added, indexed, merged or dropped.
final class IndexView: Sendable {
  /// Oldest first; each goes on where the one before it ends.
  let runs: [IndexRun]
  /// The files of consecutive segments.
  let files: [any StorageFile]
  let firstOrdinal: UInt64

  init(runs: [IndexRun], files: [any StorageFile], firstOrdinal: UInt64) {
    self.runs = runs
    self.files = files
    self.firstOrdinal = firstOrdinal
  }

  func file(_ ordinal: UInt64) -> any StorageFile { files[Int(ordinal - firstOrdinal)] }

  /// Finds what the newest part of the index left open.
  func finish(
    _ resolution: inout Resolution,
    volume: Int,
    asOf point: SequenceNumber,
    after floor: SequenceNumber
  ) {
    resolution.resume { resolution, stretch in
      let chunk = UInt32(stretch.lowerBound / IndexEntry.chunkByteCount)
      var index = runs.count
      while index > 0, !resolution.open.isEmpty {
        index -= 1
        runs[index].cover(&resolution, volume: volume, chunk: chunk, asOf: point, after: floor)
      }
    }
  }
}
