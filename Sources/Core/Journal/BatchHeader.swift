// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The 64 bytes before a batch's records.
///
/// Batches begin at multiples of 4096.
///
/// Layout, little endian: 0 magic (8), 8 byte count of header, records and payload (4), 12 CRC32C
/// of header and records with this field zero (4), 16 first sequence (8), 24 last sequence (8),
/// 32 the segment's salt (8), 40 record count (4), 44 payload byte count (4), 48 where the payload
/// begins (4), 52 zeroes (12). The payload is covered by the checksums of its records.
struct BatchHeader: Equatable {
  static let byteCount = 64
  static let magic: UInt64 = 0x4843_5441_424A_5355  // "USJBATCH"
  static let alignment = 4096
  /// No batch has more bytes, so that places in a segment fit into 32 bits.
  static let contentByteLimit = 1 << 30

  var firstSequence: SequenceNumber
  var salt: UInt64
  var recordCount: Int
  var payloadByteCount: Int
  /// Where the payload begins, counted from the batch's first byte.
  var payloadOffset: Int

  var lastSequence: SequenceNumber {
    SequenceNumber(firstSequence.rawValue + UInt64(recordCount) - 1)
  }

  /// Bytes of header and records.
  var recordsEnd: Int { Self.byteCount + recordCount * StreamRecord.encodedByteCount }

  /// Bytes of header, records and payload.
  var contentByteCount: Int { payloadOffset + payloadByteCount }

  /// Bytes the batch takes in the file.
  var paddedByteCount: Int { contentByteCount.roundedUp(to: Self.alignment) }

  /// A batch whose payload follows its records, or begins at a multiple of 4096 if its length is
  /// one: that makes the batch no longer, and writes of whole pages are read back as such.
  init(
    firstSequence: SequenceNumber,
    salt: UInt64,
    recordCount: Int,
    payloadByteCount: Int
  ) {
    self.firstSequence = firstSequence
    self.salt = salt
    self.recordCount = recordCount
    self.payloadByteCount = payloadByteCount
    payloadOffset = Self.byteCount + recordCount * StreamRecord.encodedByteCount
    if payloadByteCount > 0, payloadByteCount % Self.alignment == 0 {
      payloadOffset = payloadOffset.roundedUp(to: Self.alignment)
    }
  }

  /// Writes the 64 bytes, checksum zero.
  func encode(into bytes: UnsafeMutableRawBufferPointer) {
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount])
      .initializeMemory(as: UInt8.self, repeating: 0)
    unsafe bytes.put(Self.magic, at: 0)
    unsafe bytes.put(UInt32(contentByteCount), at: 8)
    unsafe bytes.put(firstSequence.rawValue, at: 16)
    unsafe bytes.put(lastSequence.rawValue, at: 24)
    unsafe bytes.put(salt, at: 32)
    unsafe bytes.put(UInt32(recordCount), at: 40)
    unsafe bytes.put(UInt32(payloadByteCount), at: 44)
    unsafe bytes.put(UInt32(payloadOffset), at: 48)
  }

  /// Fills in the checksum; `bytes` are header and records, otherwise finished.
  static func seal(_ bytes: UnsafeMutableRawBufferPointer) {
    let checksum = unsafe Checksum.of(UnsafeRawBufferPointer(bytes))
    unsafe bytes.put(checksum, at: 12)
  }

  /// Whether header and records are those that were sealed.
  ///
  /// Leaves the checksum field zeroed.
  static func verify(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
    let checksum: UInt32 = unsafe UnsafeRawBufferPointer(bytes).number(at: 12)
    unsafe bytes.put(UInt32(0), at: 12)
    return unsafe Checksum.of(UnsafeRawBufferPointer(bytes)) == checksum
  }

  /// Reads a header; nil if the bytes are none, or one that contradicts itself.
  init?(decoding bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount, unsafe bytes.number(at: 0) == Self.magic else {
      return nil
    }
    firstSequence = unsafe SequenceNumber(bytes.number(at: 16))
    salt = unsafe bytes.number(at: 32)
    recordCount = unsafe Int(bytes.number(at: 40, as: UInt32.self))
    payloadByteCount = unsafe Int(bytes.number(at: 44, as: UInt32.self))
    payloadOffset = unsafe Int(bytes.number(at: 48, as: UInt32.self))
    guard recordCount > 0, firstSequence.rawValue > 0,
      firstSequence <= .last, lastSequence <= .last,
      payloadOffset >= recordsEnd, contentByteCount <= Self.contentByteLimit,
      unsafe bytes.number(at: 24) == lastSequence.rawValue,
      unsafe Int(bytes.number(at: 8, as: UInt32.self)) == contentByteCount
    else { return nil }
  }
}
