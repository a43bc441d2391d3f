// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension StreamJournal {
  /// How much is kept.
  package struct Settings: Hashable, Sendable {
    /// Points within so many seconds of the newest record are kept.
    package var historySeconds: Int
    /// Above so many bytes of batches the history is shortened.
    package var hardLimitByteCount: UInt64
    /// The size of a segment's file; a multiple of 4096.
    package var segmentByteCount: UInt64

    /// Takes the numbers; the size of a segment is rounded to what can be.
    package init(
      historySeconds: Int,
      hardLimitByteCount: UInt64,
      segmentByteCount: UInt64 = 64 << 20
    ) {
      self.historySeconds = historySeconds
      self.hardLimitByteCount = hardLimitByteCount
      let possible = min(max(segmentByteCount, 8192), 1 << 30)
      self.segmentByteCount = UInt64(Int(possible).roundedUp(to: 4096))
    }

    /// A segment is closed after this time even if it is not full, so that history can be
    /// shortened in steps that are small against it.
    var segmentMilliseconds: Int64 { max(60_000, Int64(historySeconds) * 1000 / 16) }

    /// So many retired files are kept for new segments: a sixteenth of what the journal may have.
    var spareLimit: Int {
      Int(min(32, max(2, hardLimitByteCount / 16 / segmentByteCount)))
    }

    /// A segment is closed when it has so many extents, so that its index stays small.
    static var segmentExtentLimit: Int { 1 << 17 }
  }
}
