// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a handshake came to nothing.
package enum NBDHandshakeFailure: Error, Equatable, Sendable {
  /// The other side does not speak the protocol.
  case notNBD
  /// The server is older than the fixed newstyle handshake.
  case notFixedNewstyle
  /// The client set handshake flags that mean nothing.
  case unknownFlags(UInt32)
  /// An option or a reply to one is longer than anything meaningful.
  case tooLong(byteCount: UInt32)
  /// A message contradicts itself, or answers another question.
  case malformed
  /// There is no such export.
  case unknownExport(String)
  /// The server said no; the number is its `NBD_REP_ERR_…`, the text its own.
  case refused(kind: UInt32, message: String)
}
