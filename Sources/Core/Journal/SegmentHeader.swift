// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The first 4096 bytes of a segment: whose records it holds.
///
/// Layout, little endian: 0 magic (8), 8 version (4), 12 CRC32C of the 4096 bytes with this field
/// zero (4), 16 ordinal (8), 24 salt (8), 32 volume count (4), 36 length of the stream's name (4),
/// 40 the stream's name in UTF-8 (88), 128 sizes of the volumes before its first record in bytes
/// (8 each), then zeroes.
struct SegmentHeader: Equatable {
  static let byteCount = 4096
  static let magic: UInt64 = 0x4C4E_5255_4F4A_5355  // "USJOURNL"
  static let version: UInt32 = 3
  /// In version 2 the volumes of a stream never change.
  static let readableVersions: ClosedRange<UInt32> = 2...3
  static let streamByteLimit = 88
  /// Larger numbers, which no journal gets to, are refused, so that the next one can be counted.
  static let lastOrdinal: UInt64 = 1 << 63
  static let volumeLimit = (byteCount - 128) / 8

  var stream: StreamIdentifier
  /// Counts the journal's segments.
  var ordinal: UInt64
  /// Different each time a file becomes a segment, and repeated in every batch.
  ///
  /// So neither what is left in the file from before nor a journal inside a guest's disk is taken
  /// for a batch of this segment.
  var salt: UInt64
  var volumeSizes: [UInt64]

  /// The name of the segment's file.
  var fileName: String { Self.fileName(ordinal) }

  static func fileName(_ ordinal: UInt64) -> String { hexadecimal(ordinal) + ".journal" }

  /// Sixteen digits, so that names sort like numbers.
  static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Writes all 4096 bytes.
  func encode(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == Self.byteCount, "a segment header is 4096 bytes")
    precondition(stream.rawValue.utf8.count <= Self.streamByteLimit, "the stream's name is long")
    precondition(volumeSizes.count <= Self.volumeLimit, "too many volumes")
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe bytes.put(Self.magic, at: 0)
    unsafe bytes.put(Self.version, at: 8)
    unsafe bytes.put(ordinal, at: 16)
    unsafe bytes.put(salt, at: 24)
    unsafe bytes.put(UInt32(volumeSizes.count), at: 32)
    unsafe bytes.put(UInt32(stream.rawValue.utf8.count), at: 36)
    for (index, byte) in stream.rawValue.utf8.enumerated() { unsafe bytes[40 + index] = byte }
    for (index, size) in volumeSizes.enumerated() { unsafe bytes.put(size, at: 128 + 8 * index) }
    let checksum = unsafe Checksum.of(UnsafeRawBufferPointer(bytes))
    unsafe bytes.put(checksum, at: 12)
  }

  /// Reads a header from 4096 bytes, whose checksum field is left zeroed.
  init(decoding bytes: UnsafeMutableRawBufferPointer, file: String) throws(JournalError) {
    let raw = UnsafeRawBufferPointer(bytes)
    let checksum: UInt32 = unsafe raw.number(at: 12)
    unsafe bytes.put(UInt32(0), at: 12)
    guard raw.count == Self.byteCount, unsafe raw.number(at: 0) == Self.magic,
      unsafe Checksum.of(raw) == checksum
    else { throw .corrupt(file: file, offset: 0) }
    let version: UInt32 = unsafe raw.number(at: 8)
    guard Self.readableVersions.contains(version) else { throw .unsupportedVersion(version) }
    let volumeCount = unsafe Int(raw.number(at: 32, as: UInt32.self))
    let nameCount = unsafe Int(raw.number(at: 36, as: UInt32.self))
    guard volumeCount <= Self.volumeLimit, nameCount <= Self.streamByteLimit else {
      throw .corrupt(file: file, offset: 32)
    }
    stream = unsafe StreamIdentifier(String(decoding: raw[40..<(40 + nameCount)], as: UTF8.self))
    ordinal = unsafe raw.number(at: 16)
    guard (1...Self.lastOrdinal).contains(ordinal) else { throw .corrupt(file: file, offset: 16) }
    salt = unsafe raw.number(at: 24)
    volumeSizes = (0..<volumeCount).map { unsafe raw.number(at: 128 + 8 * $0) }
  }

  init(stream: StreamIdentifier, ordinal: UInt64, salt: UInt64, volumeSizes: [UInt64]) {
    self.stream = stream
    self.ordinal = ordinal
    self.salt = salt
    self.volumeSizes = volumeSizes
  }
}
