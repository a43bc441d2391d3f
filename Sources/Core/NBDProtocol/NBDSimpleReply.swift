// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The answer to a request ("Simple reply message"); a successful read's payload follows it.
///
/// Layout, big endian: 0 magic (4), 4 error (4), 8 cookie (8).
package struct NBDSimpleReply: Equatable, Sendable {
  package static let encodedByteCount = 16

  /// nil is success.
  package var error: NBDErrorCode?
  /// The request's.
  package var cookie: UInt64

  package init(error: NBDErrorCode?, cookie: UInt64) {
    self.error = error
    self.cookie = cookie
  }

  /// Reads a reply from the start of `bytes`; nil if they hold none.
  package init?(decoding bytes: RawSpan) {
    guard
      bytes.byteCount >= Self.encodedByteCount,
      bytes.bigEndian(at: 0, as: UInt32.self) == NBDMagic.simpleReply
    else { return nil }
    error = NBDErrorCode.decode(bytes.bigEndian(at: 4, as: UInt32.self))
    cookie = bytes.bigEndian(at: 8, as: UInt64.self)
  }

  /// Writes the reply's 16 bytes to the start of `bytes`.
  package func encode(into bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(NBDMagic.simpleReply, at: 0)
    bytes.storeBigEndian(error?.rawValue ?? 0, at: 4)
    bytes.storeBigEndian(cookie, at: 8)
  }
}
