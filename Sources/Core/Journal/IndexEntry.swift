// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A piece of one record within one chunk of a volume: 20 bytes, in memory as in an index file.
///
/// Layout, little endian: 0 sequence (4), 4 chunk (4), 8 file offset (4), 12 first byte (2),
/// 14 last byte (2), 16 segment (2), 18 volume (2). The eight bytes at 0, as one number, put the
/// entries of a volume in order.
struct IndexEntry: BitwiseCopyable {
  static let chunkByteCount: UInt64 = 65536
  static let byteCount = 20
  /// In `segment`: the bytes are zeroes and in no segment.
  static let zeroes = UInt16.max

  /// The record, counted from the run's base.
  var sequence: UInt32
  var chunk: UInt32
  /// Where the first byte is in the segment's file; 0 for zeroes.
  var fileOffset: UInt32
  /// First and last byte within the chunk.
  var first: UInt16
  var last: UInt16
  /// The segment, counted from the run's first one, or ``zeroes``.
  var segment: UInt16
  var volume: UInt16

  /// Orders the entries of one volume: by chunk, then by record.
  var key: UInt64 { UInt64(chunk) << 32 | UInt64(sequence) }

  /// The bytes of the volume.
  var lower: UInt64 { UInt64(chunk) * Self.chunkByteCount + UInt64(first) }
  var upper: UInt64 { UInt64(chunk) * Self.chunkByteCount + UInt64(last) + 1 }
}

/// Cuts a range of a volume at the borders of chunks.
struct ChunkRanges: Sequence, IteratorProtocol {
  private var position: UInt64
  private let end: UInt64

  init(_ offset: UInt64, count: UInt64) {
    position = offset
    end = offset + count
  }

  mutating func next() -> Range<UInt64>? {
    guard position < end else { return nil }
    let start = position
    position = Swift.min(
      end,
      (start / IndexEntry.chunkByteCount + 1) * IndexEntry.chunkByteCount
    )
    return start..<position
  }
}
