// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// A connection to an NBD server, for reading and for asking what its blocks are.
///
/// Calls block; one thread at a time. Several reads can be under way: ``begin(at:into:)`` asks,
/// ``finish(_:)`` waits.
package final class NBDClient {
  /// A read that is under way.
  package struct ReadTicket: Sendable {
    /// The cookies of its requests.
    fileprivate let cookies: ClosedRange<UInt64>?
  }

  /// A request whose reply is not complete, or is not asked for yet.
  struct Pending {
    var buffer: UnsafeMutableRawBufferPointer?
    var extents: [UInt32: [NBDExtent]] = [:]
    var error: NBDErrorCode?
    var isFinished = false
  }

  let socket: UnixSocket
  private let session: NBDSession
  private var lastCookie: UInt64 = 0
  private var isClosed = false
  var replies: NBDReplyReader
  var pending: [UInt64: Pending] = [:]

  /// A read is cut to pieces of this size, in bytes: small enough that a server works on several.
  private static let pieceByteCount = 256 << 10
  /// Requests sent without waiting for a reply: more than a server works on at once, few enough
  /// that they fit the socket's buffer.
  private static let requestLimit = 64

  /// Connects and asks for an export.
  ///
  /// A call gives up when the server keeps silent for `timeoutInSeconds`. `contexts` names metadata
  /// contexts to ask for, such as `base:allocation`; ``grantedContexts`` tells what came of it.
  ///
  /// - Throws: ``NBDTransportError``
  package init(
    socketPath: String,
    exportName: String,
    timeoutInSeconds: Int = 30,
    contexts: [String] = []
  ) throws {
    socket = try UnixSocket.connected(to: socketPath, timeoutInSeconds: timeoutInSeconds)
    do {
      session = try Self.handshake(on: socket, exportName: exportName, contexts: contexts)
    } catch {
      socket.close()
      throw error
    }
    replies = NBDReplyReader(isStructured: session.usesStructuredReplies)
  }

  deinit { close() }

  /// The export's size.
  package var byteCount: UInt64 { session.export.byteCount }

  /// Offsets and lengths of reads must be multiples of it, in bytes.
  package var minimumBlockSize: Int { Int(session.export.minimumBlockSize) }

  /// The contexts asked for that the server has for this export, by name.
  package var grantedContexts: [String] { session.contexts.map(\.name) }

  /// Fills `buffer` with the export's content from `offset` on, in as many requests as it takes.
  ///
  /// - Throws: ``NBDTransportError``; after ``NBDTransportError/refused(_:)`` the connection can be
  ///   used again, after any other it is closed.
  package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try finish(begin(at: offset, into: buffer))
  }

  /// Asks for the export's content from `offset` on, and does not wait for it.
  ///
  /// `buffer` must stay until ``finish(_:)``, which must follow for every ticket, or until
  /// ``close()``. Waits only while too much is under way already.
  ///
  /// - Throws: ``NBDTransportError``, and the connection is closed.
  package func begin(
    at offset: UInt64,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws -> ReadTicket {
    guard !buffer.isEmpty else { return ReadTicket(cookies: nil) }
    let first = lastCookie + 1
    // A multiple of the block size, so that every piece begins on a block.
    let most = min(Int(session.export.maximumPayload), max(Self.pieceByteCount, minimumBlockSize))
    let step = most / minimumBlockSize * minimumBlockSize
    for start in stride(from: 0, to: buffer.count, by: step) {
      let end = min(start + step, buffer.count)
      try send(
        .read,
        at: offset + UInt64(start),
        count: UInt32(end - start),
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end])
      )
    }
    return ReadTicket(cookies: first...lastCookie)
  }

  /// Waits until a read's buffer is filled.
  ///
  /// - Throws: Like ``read(at:into:)``.
  package func finish(_ ticket: ReadTicket) throws {
    guard let cookies = ticket.cookies else { return }
    var failure: NBDErrorCode?
    for cookie in cookies {
      let piece = try finish(cookie)
      failure = failure ?? piece.error
    }
    if let failure { throw NBDTransportError.refused(failure) }
  }

  /// Takes leave and closes the connection; again has no effect.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    pending = [:]
    // The server may be gone already, which is as good.
    try? send(NBDRequest(.disconnect, cookie: lastCookie + 1))
    socket.close()
  }
}

// MARK: - Requests

extension NBDClient {
  private static func handshake(
    on socket: UnixSocket,
    exportName: String,
    contexts: [String]
  ) throws(NBDTransportError) -> NBDSession {
    var machine = NBDClientHandshake(exportName: exportName, contexts: contexts)
    var step = machine.begin()
    while true {
      try socket.send(step.message)
      switch step.next {
      case .receive(let byteCount):
        step = machine.received(try socket.receive(byteCount: byteCount))
      case .transmit(let session):
        return session
      case .close(let failure):
        throw .handshake(failure)
      }
    }
  }

  /// The number of a context; nil if the server does not have it.
  func identifier(ofContext name: String) -> UInt32? {
    session.contexts.first { $0.name == name }?.identifier
  }

  /// Sends a request, and returns the cookie to ask for its reply with.
  @discardableResult
  func send(
    _ command: NBDCommand,
    at offset: UInt64,
    count: UInt32,
    into buffer: UnsafeMutableRawBufferPointer? = nil
  ) throws(NBDTransportError) -> UInt64 {
    guard !isClosed else { throw .connectionClosed }
    do {
      while replies.expectedCount >= Self.requestLimit { try takeReply() }
      lastCookie += 1
      let request = NBDRequest(command, cookie: lastCookie, offset: offset, length: count)
      pending[lastCookie] = Pending(buffer: buffer)
      replies.expect(request)
      try send(request)
      return lastCookie
    } catch {
      close()
      throw error
    }
  }

  private func send(_ request: NBDRequest) throws(NBDTransportError) {
    try withUnsafeTemporaryAllocation(byteCount: NBDRequest.encodedByteCount, alignment: 8) {
      (buffer) throws(NBDTransportError) in
      var bytes = buffer.mutableBytes
      request.encode(into: &bytes)
      try socket.send(UnsafeRawBufferPointer(buffer))
    }
  }
}

// MARK: - Replies

extension NBDClient {
  /// Waits for the reply to one request, taking others that come first.
  func finish(_ cookie: UInt64) throws(NBDTransportError) -> Pending {
    while true {
      guard let request = pending[cookie] else { throw .connectionClosed }
      if request.isFinished {
        pending[cookie] = nil
        return request
      }
      do {
        try takeReply()
      } catch {
        close()
        throw error
      }
    }
  }

  /// Receives until one reply, whichever it is, is complete.
  private func takeReply() throws(NBDTransportError) {
    while true {
      switch replies.next() {
      case .receive(let byteCount):
        replies.received(try socket.receive(byteCount: byteCount))
      case .fill(let cookie, let range):
        try socket.receiveAll(into: part(range, of: cookie))
      case .zero(let cookie, let range):
        part(range, of: cookie).initializeMemory(as: UInt8.self, repeating: 0)
      case .extents(let cookie, let context, let extents):
        pending[cookie]?.extents[context] = extents
      case .finished(let cookie, let error):
        pending[cookie]?.error = error
        pending[cookie]?.isFinished = true
        return
      case .broken:
        throw .protocolViolation
      }
    }
  }

  private func part(_ range: Range<Int>, of cookie: UInt64) -> UnsafeMutableRawBufferPointer {
    guard let buffer = pending[cookie]?.buffer else {
      preconditionFailure("a read has a buffer until its reply is complete")
    }
    return UnsafeMutableRawBufferPointer(rebasing: buffer[range])
  }
}
