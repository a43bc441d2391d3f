// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NBDProtocol
internal import Glibc

/// Why a socket, a server or a client of NBD does not work.
package enum NBDTransportError: Error, Equatable, Sendable {
  /// A system call on the socket at `path` failed.
  case socket(operation: String, path: String, errno: Int32)
  /// Another process serves the socket.
  case alreadyServed(path: String)
  /// There is a file at `path` that is no socket.
  case notASocket(path: String)
  /// The other side closed the connection, or it was cut.
  case connectionClosed
  /// Nothing came, or could be sent, for the time the client waits.
  case timedOut
  /// The other side sent what the protocol does not allow.
  case protocolViolation
  case handshake(NBDHandshakeFailure)
  /// The server refused a request.
  case refused(NBDErrorCode)
}

extension NBDTransportError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .socket(let operation, let path, let errno):
      "cannot \(operation) \(path): \(String(cString: strerror(errno)))"
    case .alreadyServed(let path):
      "another process serves \(path): stop it first"
    case .notASocket(let path):
      "\(path) exists and is not a socket: move it away"
    case .connectionClosed:
      "the NBD connection was closed"
    case .timedOut:
      "the NBD server does not answer"
    case .protocolViolation:
      "the other side of the NBD connection does not keep to the protocol"
    case .handshake(let failure):
      "the NBD handshake failed: \(failure)"
    case .refused(let code):
      "the NBD server refused a request: \(code)"
    }
  }
}
