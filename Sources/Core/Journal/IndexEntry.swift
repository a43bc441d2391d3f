// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A piece of one record within one chunk of a volume: 22 bytes in a run and in an index file.
///
/// Layout, little endian: 0 sequence (4), 4 chunk (4), 8 file offset (4), 12 CRC32C of the bytes
/// (4), 16 first byte (2), 18 last byte (2), 20 segment (2). The eight bytes at 0, as one number,
/// put the entries of a volume in order. Which volume it is the place says where the entry is.
struct IndexEntry: BitwiseCopyable {
  static let chunkByteCount: UInt64 = 65536
  static let byteCount = 22
  /// In `segment`: the bytes are zeroes and in no segment.
  static let zeroes = UInt16.max

  /// The record, counted from the run's base.
  var sequence: UInt32
  var chunk: UInt32
  /// Where the first byte is in the segment's file; 0 for zeroes.
  var fileOffset: UInt32
  /// CRC32C of the bytes in the segment; 0 for zeroes.
  var checksum: UInt32
  /// First and last byte within the chunk.
  var first: UInt16
  var last: UInt16
  /// The segment, counted from the run's first one, or ``zeroes``.
  var segment: UInt16

  /// Orders the entries of one volume: by chunk, then by record.
  var key: UInt64 { UInt64(chunk) << 32 | UInt64(sequence) }

  /// The bytes of the volume.
  var lower: UInt64 { UInt64(chunk) * Self.chunkByteCount + UInt64(first) }
  var upper: UInt64 { UInt64(chunk) * Self.chunkByteCount + UInt64(last) + 1 }

  /// Writes the entry's 22 bytes.
  func encode(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
    unsafe bytes.put(key, at: offset)
    unsafe bytes.put(fileOffset, at: offset + 8)
    unsafe bytes.put(checksum, at: offset + 12)
    unsafe bytes.put(first, at: offset + 16)
    unsafe bytes.put(last, at: offset + 18)
    unsafe bytes.put(segment, at: offset + 20)
  }

  /// The ``key`` of the entry whose bytes are at an offset.
  static func key(of bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
    unsafe bytes.number(at: offset)
  }
}

extension IndexEntry {
  /// Reads an entry's 22 bytes.
  init(decoding bytes: UnsafeRawBufferPointer, at offset: Int) {
    let key = unsafe Self.key(of: bytes, at: offset)
    unsafe self.init(
      sequence: UInt32(truncatingIfNeeded: key),
      chunk: UInt32(truncatingIfNeeded: key >> 32),
      fileOffset: bytes.number(at: offset + 8),
      checksum: bytes.number(at: offset + 12),
      first: bytes.number(at: offset + 16),
      last: bytes.number(at: offset + 18),
      segment: bytes.number(at: offset + 20)
    )
  }

  /// Where the bytes are; nil for zeroes.
  ///
  /// `segment` is the ordinal that the entry's number means.
  func extent(in segment: UInt64?) -> Extent? {
    segment.map {
      Extent(
        segment: $0,
        fileOffset: fileOffset,
        count: Int(last) - Int(first) + 1,
        checksum: checksum
      )
    }
  }
}

/// Bytes of a record in a segment, which can be told from others by their checksum.
struct Extent: Hashable, Sendable {
  /// The segment's ordinal.
  var segment: UInt64
  var fileOffset: UInt32
  /// At most ``IndexEntry/chunkByteCount``.
  var count: Int
  /// CRC32C of the bytes.
  var checksum: UInt32
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
