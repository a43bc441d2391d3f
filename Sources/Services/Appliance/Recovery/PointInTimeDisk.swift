// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel

/// One volume as of one record of its journal.
///
/// Somebody holds the point for as long as it is read.
struct PointInTimeDisk: Sendable {
  /// Bytes whose extents are asked for at once.
  private static let stretchByteCount: UInt64 = 1 << 30

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

  /// What is at a place of the disk.
  enum Piece {
    /// Zeroes that the journal knows of; nothing was read.
    case zeroes(UInt64)
    case data(UnsafeRawBufferPointer)

    /// Nil for zeroes.
    var data: UnsafeRawBufferPointer? {
      if case .data(let bytes) = self { bytes } else { nil }
    }
  }

  /// Goes through the disk in order, with data in pieces of at most `byteCount` in aligned memory.
  func forEachPiece(
    of byteCount: Int,
    _ body: (_ position: UInt64, Piece) throws -> Void
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    defer { buffer.deallocate() }
    var position: UInt64 = 0
    while position < self.byteCount {
      let count = min(self.byteCount - position, Self.stretchByteCount)
      for extent in try extents(at: position, count: count, limit: 1024) {
        let end = position + extent.count
        if extent.isZero {
          try body(position, .zeroes(extent.count))
          position = end
        }
        while position < end {
          let piece = UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<min(buffer.count, Int(end - position))]
          )
          try read(at: position, into: piece)
          try body(position, .data(UnsafeRawBufferPointer(piece)))
          position += UInt64(piece.count)
        }
      }
    }
  }
}
