// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CChecksum
package import RecoveryModel

/// The kinds of frame; see docs/formats/replication.md.
package enum FrameKind: UInt8, Sendable, CaseIterable {
  case hello = 1
  case welcome = 2
  case refuse = 3
  case data = 4
  case acknowledge = 5
  case hashQuery = 6
  case hashReply = 7
  case ping = 8
  case pong = 9
}

/// The 12 bytes before the body of every frame.
///
/// Layout, little endian: 0 body length (4), 4 kind (1), 5 flags (1, of data: how the payload is
/// compressed), 6 zero (2), 8 CRC32C of bytes 0..<8 and the body (4).
///
/// In a data frame it ends before the payloads: each record has its payload's own, which is checked
/// from the tap to the journal.
package struct FrameHeader: Hashable, Sendable {
  package static let byteCount = 12
  /// The longest frame, header included.
  ///
  /// A longer one is refused before memory is taken for it.
  package static let maximumFrameByteCount = 16 << 20
  /// The longest frame without records, header included: a reply with the most hashes fits.
  package static let maximumControlByteCount = 128 << 10

  package let kind: FrameKind
  /// Of a data frame's payloads.
  package let compression: PayloadCompression
  package let bodyByteCount: Int
  /// Of the frame, as the header says.
  private let checksum: UInt32
  /// Of the header's first eight bytes.
  private let headChecksum: UInt32

  /// Reads a header from the start of `bytes`, which must hold one.
  package init(decoding bytes: UnsafeRawBufferPointer) throws(ReplicationError) {
    precondition(bytes.count >= Self.byteCount, "no whole header")
    let length = unsafe UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
    let number = unsafe bytes.loadUnaligned(fromByteOffset: 4, as: UInt8.self)
    let flags = unsafe bytes.loadUnaligned(fromByteOffset: 5, as: UInt8.self)
    let reserved = unsafe bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
    guard let kind = FrameKind(rawValue: number) else { throw .unknownFrame(number) }
    let limit = kind == .data ? Self.maximumFrameByteCount : Self.maximumControlByteCount
    guard Int(length) <= limit - Self.byteCount else {
      throw .frameTooLong(Int(length) + Self.byteCount)
    }
    guard let compression = PayloadCompression(rawValue: flags), reserved == 0,
      kind == .data || compression == .none
    else { throw .reservedBitsSet(kind) }
    self.kind = kind
    self.compression = compression
    bodyByteCount = Int(length)
    checksum = unsafe UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    )
    headChecksum = unsafe understudy_crc32c(0, bytes.baseAddress, 8)
  }

  /// Checks the body that came with the header against the checksum of both.
  package func verify(body: UnsafeRawBufferPointer) throws(ReplicationError) {
    precondition(body.count == bodyByteCount, "not the header's body")
    let count = unsafe Self.checkedByteCount(of: body, kind)
    let found =
      unsafe count == 0
      ? headChecksum : understudy_crc32c(headChecksum, body.baseAddress, count)
    guard found == checksum else { throw .checksumMismatch(kind) }
  }

  /// Writes the header of a frame whose body is in place already.
  package static func seal(
    frame: UnsafeMutableRawBufferPointer,
    kind: FrameKind,
    compression: PayloadCompression = .none
  ) {
    precondition(
      (byteCount...maximumFrameByteCount).contains(frame.count),
      "no frame has this length"
    )
    let length = UInt32(frame.count - byteCount)
    unsafe frame.storeBytes(of: length.littleEndian, as: UInt32.self)
    unsafe frame.storeBytes(of: kind.rawValue, toByteOffset: 4, as: UInt8.self)
    unsafe frame.storeBytes(of: compression.rawValue, toByteOffset: 5, as: UInt8.self)
    unsafe frame.storeBytes(of: 0, toByteOffset: 6, as: UInt16.self)
    let checksum = unsafe checksum(of: UnsafeRawBufferPointer(frame), kind)
    unsafe frame.storeBytes(of: checksum.littleEndian, toByteOffset: 8, as: UInt32.self)
  }

  private static func checksum(of frame: UnsafeRawBufferPointer, _ kind: FrameKind) -> UInt32 {
    let head = unsafe understudy_crc32c(0, frame.baseAddress, 8)
    let body = unsafe UnsafeRawBufferPointer(rebasing: frame[byteCount...])
    let count = unsafe checkedByteCount(of: body, kind)
    return unsafe count == 0 ? head : understudy_crc32c(head, body.baseAddress, count)
  }

  /// How much of a body the frame's checksum is of.
  private static func checkedByteCount(of body: UnsafeRawBufferPointer, _ kind: FrameKind) -> Int {
    guard kind == .data, body.count >= 4 else { return body.count }
    let recordCount = unsafe Int(UInt32(littleEndian: body.loadUnaligned(as: UInt32.self)))
    return min(body.count, DataFrame.headByteCount(recordCount: recordCount) - byteCount)
  }
}

/// CRC32C of a record's payload, as ``StreamRecord/payloadChecksum`` has it.
package func payloadChecksum(_ payload: UnsafeRawBufferPointer) -> UInt32 {
  guard let base = payload.baseAddress, payload.count > 0 else { return 0 }
  return unsafe understudy_crc32c(0, base, payload.count)
}
