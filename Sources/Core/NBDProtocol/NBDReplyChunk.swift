// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The fixed part of a piece of a structured reply ("Structured reply chunk message"); `length`
/// bytes follow it.
///
/// Layout, big endian: 0 magic (4), 4 flags (2), 6 type (2), 8 cookie (8), 16 length (4).
package struct NBDReplyChunk: Equatable, Sendable {
  package static let encodedByteCount = 20

  /// What a chunk carries ("Structured reply types").
  package enum Kind: UInt16, Sendable {
    /// Nothing.
    case nothing = 0
    /// An offset (8) and the data from there on.
    case data = 1
    /// An offset (8) and the number of bytes (4) that are zero from there on.
    case hole = 2
    /// A context's number (4), then lengths (4) and flags (4) of extents.
    case blockStatus = 5
    /// An error (4), the length of a message (2) and the message.
    case error = 0x8001
    /// Like ``error``, and the offset (8) where it happened.
    case errorAtOffset = 0x8002
  }

  /// The top bit of a type: the request failed, whatever else the chunk says.
  package static let errorBit: UInt16 = 0x8000
  private static let doneFlag: UInt16 = 1 << 0

  /// Whether it is the reply's last.
  package var isLast: Bool
  /// The kind's number, which may be one we do not know.
  package var type: UInt16
  /// The request's.
  package var cookie: UInt64
  /// Bytes that follow.
  package var length: UInt32

  package init(_ kind: Kind, isLast: Bool, cookie: UInt64, length: UInt32) {
    self.isLast = isLast
    type = kind.rawValue
    self.cookie = cookie
    self.length = length
  }

  /// Reads a chunk's head from the start of `bytes`; nil if they hold none.
  package init?(decoding bytes: RawSpan) {
    guard
      bytes.byteCount >= Self.encodedByteCount,
      bytes.bigEndian(at: 0, as: UInt32.self) == NBDMagic.structuredReply
    else { return nil }
    isLast = bytes.bigEndian(at: 4, as: UInt16.self) & Self.doneFlag != 0
    type = bytes.bigEndian(at: 6, as: UInt16.self)
    cookie = bytes.bigEndian(at: 8, as: UInt64.self)
    length = bytes.bigEndian(at: 16, as: UInt32.self)
  }

  /// Writes the head's 20 bytes to the start of `bytes`.
  package func encode(into bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(NBDMagic.structuredReply, at: 0)
    bytes.storeBigEndian(isLast ? Self.doneFlag : 0, at: 4)
    bytes.storeBigEndian(type, at: 6)
    bytes.storeBigEndian(cookie, at: 8)
    bytes.storeBigEndian(length, at: 16)
  }
}
