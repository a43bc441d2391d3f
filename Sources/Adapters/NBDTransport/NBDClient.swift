// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// A connection to an NBD server, for reading.
///
/// Calls block; one thread at a time.
package final class NBDClient {
  private let socket: UnixSocket
  private let description: NBDExportDescription
  private var lastCookie: UInt64 = 0
  private var isClosed = false

  /// Connects and asks for an export.
  ///
  /// A call gives up when the server keeps silent for `timeoutInSeconds`.
  ///
  /// - Throws: ``NBDTransportError``
  package init(socketPath: String, exportName: String, timeoutInSeconds: Int = 30) throws {
    socket = try UnixSocket.connected(to: socketPath, timeoutInSeconds: timeoutInSeconds)
    do {
      description = try Self.handshake(on: socket, exportName: exportName)
    } catch {
      socket.close()
      throw error
    }
  }

  deinit { close() }

  /// The export's size.
  package var byteCount: UInt64 { description.byteCount }

  /// Offsets and lengths of reads must be multiples of it, in bytes.
  package var minimumBlockSize: Int { Int(description.minimumBlockSize) }

  /// Fills `buffer` with the export's content from `offset` on, in as many requests as it takes.
  ///
  /// - Throws: ``NBDTransportError``; after ``NBDTransportError/refused(_:)`` the connection can be
  ///   used again, after any other it is closed.
  package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard !isClosed else { throw NBDTransportError.connectionClosed }
    // A multiple of the block size, so that every piece begins on a block.
    let step = Int(description.maximumPayload) / minimumBlockSize * minimumBlockSize
    do throws(NBDTransportError) {
      for start in stride(from: 0, to: buffer.count, by: step) {
        let end = min(start + step, buffer.count)
        try readOnce(
          at: offset + UInt64(start),
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end])
        )
      }
    } catch {
      if case .refused = error { throw error }
      close()
      throw error
    }
  }

  /// Takes leave and closes the connection; again has no effect.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    lastCookie += 1
    // The server may be gone already, which is as good.
    try? send(NBDRequest(.disconnect, cookie: lastCookie))
    socket.close()
  }
}

extension NBDClient {
  private static func handshake(
    on socket: UnixSocket,
    exportName: String
  ) throws(NBDTransportError) -> NBDExportDescription {
    var machine = NBDClientHandshake(exportName: exportName)
    var step = machine.begin()
    while true {
      try socket.send(step.message)
      switch step.next {
      case .receive(let byteCount):
        step = machine.received(try socket.receive(byteCount: byteCount))
      case .transmit(let description):
        return description
      case .close(let failure):
        throw .handshake(failure)
      }
    }
  }

  private func readOnce(
    at offset: UInt64,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(NBDTransportError) {
    lastCookie += 1
    try send(
      NBDRequest(.read, cookie: lastCookie, offset: offset, length: UInt32(buffer.count))
    )
    let reply = try receiveReply()
    guard reply.cookie == lastCookie else { throw .protocolViolation }
    if let error = reply.error { throw .refused(error) }
    try socket.receiveAll(into: buffer)
  }

  private func send(_ request: NBDRequest) throws(NBDTransportError) {
    try withUnsafeTemporaryAllocation(byteCount: NBDRequest.encodedByteCount, alignment: 8) {
      (buffer) throws(NBDTransportError) in
      var bytes = buffer.mutableBytes
      request.encode(into: &bytes)
      try socket.send(UnsafeRawBufferPointer(buffer))
    }
  }

  private func receiveReply() throws(NBDTransportError) -> NBDSimpleReply {
    try withUnsafeTemporaryAllocation(byteCount: NBDSimpleReply.encodedByteCount, alignment: 8) {
      (buffer) throws(NBDTransportError) in
      try socket.receiveAll(into: buffer)
      guard let reply = NBDSimpleReply(decoding: UnsafeRawBufferPointer(buffer).bytes) else {
        throw NBDTransportError.protocolViolation
      }
      return reply
    }
  }
}
