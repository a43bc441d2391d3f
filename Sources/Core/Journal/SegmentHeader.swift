// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The first 4096 bytes of a segment: whose records it holds and from which number on.
///
/// Layout, little endian: 0 magic (8), 8 version (4), 12 CRC32C of the 4096 bytes with this field
/// zero (4), 16 first sequence (8), 24 salt (8), 32 volume count (4), 36 length of the stream's
/// name (4), 40 the stream's name in UTF-8 (88), 128 volume sizes in bytes (8 each), then zeroes.
struct SegmentHeader: Equatable {
  static let byteCount = 4096
  static let magic: UInt64 = 0x4C4E_5255_4F4A_5355  // "USJOURNL"
  static let version: UInt32 = 1
  static let streamByteLimit = 88
  static let volumeLimit = (byteCount - 128) / 8

  var stream: StreamIdentifier
  var firstSequence: SequenceNumber
  var volumeSizes: [UInt64]

  /// Repeated in every batch, so that a guest's own journal, seen in a payload, is not taken for a
  /// batch of this segment.
  ///
  /// FNV-1a over the stream's name and the first sequence.
  var salt: UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    for byte in stream.rawValue.utf8 { mix(byte) }
    for shift in 0..<8 { mix(UInt8(truncatingIfNeeded: firstSequence.rawValue >> (8 * shift))) }
    return hash
  }

  /// The name of the segment's file.
  var fileName: String { Self.fileName(firstSequence) }

  static func fileName(_ first: SequenceNumber) -> String {
    let digits = String(first.rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits + ".journal"
  }

  /// Writes all 4096 bytes.
  func encode(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count == Self.byteCount, "a segment header is 4096 bytes")
    precondition(stream.rawValue.utf8.count <= Self.streamByteLimit, "the stream's name is long")
    precondition(volumeSizes.count <= Self.volumeLimit, "too many volumes")
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe bytes.put(Self.magic, at: 0)
    unsafe bytes.put(Self.version, at: 8)
    unsafe bytes.put(firstSequence.rawValue, at: 16)
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
    guard version == Self.version else { throw .unsupportedVersion(version) }
    let volumeCount = unsafe Int(raw.number(at: 32, as: UInt32.self))
    let nameCount = unsafe Int(raw.number(at: 36, as: UInt32.self))
    guard volumeCount <= Self.volumeLimit, nameCount <= Self.streamByteLimit else {
      throw .corrupt(file: file, offset: 32)
    }
    stream = unsafe StreamIdentifier(String(decoding: raw[40..<(40 + nameCount)], as: UTF8.self))
    firstSequence = unsafe SequenceNumber(raw.number(at: 16))
    guard SequenceNumber(1) <= firstSequence, firstSequence <= .last else {
      throw .corrupt(file: file, offset: 16)
    }
    volumeSizes = (0..<volumeCount).map { unsafe raw.number(at: 128 + 8 * $0) }
    guard unsafe raw.number(at: 24) == salt else { throw .corrupt(file: file, offset: 24) }
  }

  init(stream: StreamIdentifier, firstSequence: SequenceNumber, volumeSizes: [UInt64]) {
    self.stream = stream
    self.firstSequence = firstSequence
    self.volumeSizes = volumeSizes
  }
}
