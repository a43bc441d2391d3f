// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel

/// One volume as of one record of its journal.
///
/// Somebody holds the point for as long as it is read.
struct PointInTimeDisk: Sendable {
  let journal: StreamJournal
  let volume: Int
  let byteCount: UInt64
  let point: SequenceNumber

  func read(
    at offset: UInt64,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(JournalError) {
    try journal.read(volume: volume, at: offset, into: buffer, asOf: point)
  }

  /// As of ``StreamJournal/extents(volume:at:count:asOf:limit:)``.
  func extents(
    at offset: UInt64,
    count: UInt64,
    limit: Int
  ) throws(JournalError) -> [VolumeExtent] {
    try journal.extents(volume: volume, at: offset, count: count, asOf: point, limit: limit)
  }

  /// Bytes that are not known to be zero.
  func dataByteCount() throws(JournalError) -> UInt64 {
    var (position, found): (UInt64, UInt64) = (0, 0)
    while position < byteCount {
      for extent in try extents(at: position, count: byteCount - position, limit: 1024) {
        position += extent.count
        if !extent.isZero { found += extent.count }
      }
    }
    return found
  }
}
