// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The fixed part of a request ("Request message"); a write's payload follows it.
///
/// Layout, big endian: 0 magic (4), 4 flags (2), 6 type (2), 8 cookie (8), 16 offset (8),
/// 24 length (4).
package struct NBDRequest: Equatable, Sendable {
  package static let encodedByteCount = 28

  package var flags: NBDCommand.Flags
  /// The command's number, which may be one we do not know.
  package var type: UInt16
  /// The client's name for the request; the reply repeats it.
  package var cookie: UInt64
  package var offset: UInt64
  package var length: UInt32

  package init(
    _ command: NBDCommand,
    flags: NBDCommand.Flags = [],
    cookie: UInt64,
    offset: UInt64 = 0,
    length: UInt32 = 0
  ) {
    self.flags = flags
    type = command.rawValue
    self.cookie = cookie
    self.offset = offset
    self.length = length
  }

  /// Reads a request from the start of `bytes`; nil if they hold none, after which the connection
  /// cannot be understood any more.
  package init?(decoding bytes: RawSpan) {
    guard
      bytes.byteCount >= Self.encodedByteCount,
      bytes.bigEndian(at: 0, as: UInt32.self) == NBDMagic.request
    else { return nil }
    flags = NBDCommand.Flags(rawValue: bytes.bigEndian(at: 4, as: UInt16.self))
    type = bytes.bigEndian(at: 6, as: UInt16.self)
    cookie = bytes.bigEndian(at: 8, as: UInt64.self)
    offset = bytes.bigEndian(at: 16, as: UInt64.self)
    length = bytes.bigEndian(at: 24, as: UInt32.self)
  }

  /// Writes the request's 28 bytes to the start of `bytes`.
  package func encode(into bytes: inout MutableRawSpan) {
    bytes.storeBigEndian(NBDMagic.request, at: 0)
    bytes.storeBigEndian(flags.rawValue, at: 4)
    bytes.storeBigEndian(type, at: 6)
    bytes.storeBigEndian(cookie, at: 8)
    bytes.storeBigEndian(offset, at: 16)
    bytes.storeBigEndian(length, at: 24)
  }
}

extension NBDRequest {
  /// Bytes that follow the request, whether it is granted or not.
  package var payloadByteCount: Int {
    type == NBDCommand.write.rawValue ? Int(length) : 0
  }

  /// The command, if it may be carried out; every rule about requests is here.
  ///
  /// A length of zero is granted: it asks for nothing.
  package func command(in session: NBDSession) throws(NBDErrorCode) -> NBDCommand {
    let export = session.export
    guard let command = NBDCommand(rawValue: type) else { throw .invalidArgument }
    guard flags.isSubset(of: command.permittedFlags) else { throw .invalidArgument }
    if flags.contains(.doNotFragment) && !session.usesStructuredReplies { throw .invalidArgument }
    if command.isWriting && export.isReadOnly { throw .notPermitted }

    let (end, wraps) = offset.addingReportingOverflow(UInt64(length))
    let isInside = !wraps && end <= export.byteCount
    let fitsPayload = length <= export.maximumPayload

    switch command {
    case .read where !fitsPayload, .write where !fitsPayload: throw .overflow
    case .blockStatus where !session.tellsStatus || length == 0: throw .invalidArgument
    case .read where !isInside, .trim where !isInside, .blockStatus where !isInside:
      throw .invalidArgument
    case .write where !isInside, .writeZeroes where !isInside: throw .noSpace
    case .flush where offset != 0 || length != 0: throw .invalidArgument
    case .read, .write, .trim, .writeZeroes, .flush, .disconnect, .blockStatus: return command
    }
  }
}
