// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NBDProtocol

@testable import NBDTransport

/// A client that sends exactly what a test says, when it says so.
struct RawClient {
  let socket: UnixSocket

  /// Connects and finishes the handshake.
  init(socketPath: String, exportName: String) throws {
    socket = try UnixSocket.connected(to: socketPath, timeoutInSeconds: 20)
    var machine = NBDClientHandshake(exportName: exportName)
    var step = machine.begin()
    while true {
      try socket.send(step.message)
      switch step.next {
      case .receive(let byteCount):
        step = machine.received(try socket.receive(byteCount: byteCount))
      case .transmit: return
      case .close(let failure): throw failure
      }
    }
  }

  static func encode(_ request: NBDRequest) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: NBDRequest.encodedByteCount)
    var span = result.mutableSpan
    var bytes = span.mutableBytes
    request.encode(into: &bytes)
    return result
  }

  func send(_ request: NBDRequest, payload: [UInt8] = []) throws {
    try socket.send(Self.encode(request) + payload)
  }

  func receiveReply() throws -> NBDSimpleReply? {
    let bytes = try socket.receive(byteCount: NBDSimpleReply.encodedByteCount)
    return NBDSimpleReply(decoding: bytes.span.bytes)
  }
}
