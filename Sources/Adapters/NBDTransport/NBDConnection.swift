// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import NBDProtocol

/// One client, served on the thread that calls it: its handshake, then its requests in the order
/// they come.
struct NBDConnection: ~Copyable {
  private let socket: UnixSocket
  private let export: any NBDExport
  private let session: NBDSession
  private var requests = RequestBuffer()
  private var replies: ReplyBuffer

  /// Whether the client is the only one the export may have.
  var isExclusive: Bool { !export.canMultiConnect }

  /// Greets the client; nil if it leaves, or breaks the protocol, before it has an export.
  ///
  /// `exports` finds an export and is called for each name the client asks for.
  static func handshake(
    on socket: UnixSocket,
    listedNames: [String]?,
    exports: (String) -> (any NBDExport)?
  ) throws(NBDTransportError) -> NBDConnection? {
    var machine = NBDServerHandshake(listedNames: listedNames)
    var found: (any NBDExport)?
    var step = machine.begin()
    while true {
      try socket.send(step.reply)
      switch step.next {
      case .receive(let byteCount):
        step = machine.received(try socket.receive(byteCount: byteCount))
      case .lookUp(let name):
        found = exports(name)
        step = machine.found(found.map(NBDExportDescription.init(of:)))
      case .transmit(let session):
        return found.map { NBDConnection(on: socket, serving: $0, in: session) }
      case .close:
        return nil
      }
    }
  }

  private init(
    on socket: UnixSocket,
    serving export: any NBDExport,
    in session: NBDSession
  ) {
    self.socket = socket
    self.export = export
    self.session = session
    replies = ReplyBuffer(
      maximumPayload: Int(session.export.maximumPayload),
      isStructured: session.usesStructuredReplies
    )
  }

  /// Serves requests until the client takes its leave.
  ///
  /// Throws when it just goes, which is normal, when it breaks the protocol, and when the socket is
  /// shut down.
  mutating func serve() throws(NBDTransportError) {
    understudy_limit_timer_slack(ReceivingPace.timerSlackNanoseconds)
    export.connectionOpened()
    defer { export.connectionClosed() }
    while true {
      let request = try requests.takeRequest(from: socket, sending: &replies)
      guard try answer(request) else { return try replies.send(to: socket) }
    }
  }

  /// Answers one request; false if it was the client's leave, which has no answer.
  private mutating func answer(_ request: NBDRequest) throws(NBDTransportError) -> Bool {
    let command: NBDCommand
    do throws(NBDErrorCode) {
      command = try request.command(in: session)
    } catch {
      try requests.skipPayload(
        byteCount: request.payloadByteCount,
        from: socket,
        sending: &replies
      )
      try refuse(request, error)
      return true
    }

    switch command {
    case .disconnect: return false
    case .flush: try flush(request)
    // The export is not bothered with nothing.
    case .read where request.length == 0: try replies.appendData(to: request, on: socket)
    case _ where request.length == 0: try reply(to: request, error: nil)
    case .read: try read(request)
    case .write: try write(request)
    case .trim: try trim(request)
    case .writeZeroes: try writeZeroes(request)
    case .blockStatus: try tellStatus(of: request)
    }
    return true
  }
}

// MARK: Commands

extension NBDConnection {
  private mutating func read(_ request: NBDRequest) throws(NBDTransportError) {
    let room = replies.payloadRoom(count: Int(request.length))
    let error = failure { [export] () throws(NBDErrorCode) in
      try export.read(at: request.offset, into: room)
    }
    if let error {
      try replies.appendFailure(error, to: request, on: socket)
    } else {
      try replies.appendData(to: request, on: socket)
    }
  }

  private mutating func tellStatus(of request: NBDRequest) throws(NBDTransportError) {
    let limit = request.flags.contains(.requestOne) ? 1 : NBDReplyChunk.extentLimit
    var extents: [NBDExtent] = []
    let error = failure { [export] () throws(NBDErrorCode) in
      extents = try export.allocation(at: request.offset, count: request.length, limit: limit)
    }
    if let error { return try replies.appendFailure(error, to: request, on: socket) }
    precondition(!extents.isEmpty && extents.count <= limit, "the export tells what nobody asked")
    try replies.append(extents, of: session.contexts[0].identifier, to: request, on: socket)
  }

  /// Answers a request that is not carried out, in the form its command has.
  private mutating func refuse(
    _ request: NBDRequest,
    _ error: NBDErrorCode
  ) throws(NBDTransportError) {
    switch NBDCommand(rawValue: request.type) {
    case .read, .blockStatus: try replies.appendFailure(error, to: request, on: socket)
    default: try reply(to: request, error: error)
    }
  }

  private mutating func write(_ request: NBDRequest) throws(NBDTransportError) {
    let count = Int(request.length)
    let room = export.prepareWrite(at: request.offset, count: count)
    precondition(room.count == count, "the export gave room of another size")
    do throws(NBDTransportError) {
      try requests.takePayload(into: room, from: socket, sending: &replies)
    } catch {
      export.abandonWrite()
      throw error
    }
    let error = failure { [export] () throws(NBDErrorCode) in
      try export.commitWrite(at: request.offset, count: count)
      if request.flags.contains(.forcedUnitAccess) { try export.flush() }
    }
    try reply(to: request, error: error)
  }

  private mutating func writeZeroes(_ request: NBDRequest) throws(NBDTransportError) {
    let error = failure { [export] () throws(NBDErrorCode) in
      try export.writeZeroes(at: request.offset, count: request.length)
      if request.flags.contains(.forcedUnitAccess) { try export.flush() }
    }
    try reply(to: request, error: error)
  }

  private mutating func trim(_ request: NBDRequest) throws(NBDTransportError) {
    let error = failure { [export] () throws(NBDErrorCode) in
      try export.trim(at: request.offset, count: request.length)
      if request.flags.contains(.forcedUnitAccess) { try export.flush() }
    }
    try reply(to: request, error: error)
  }

  private mutating func flush(_ request: NBDRequest) throws(NBDTransportError) {
    let error = failure { [export] () throws(NBDErrorCode) in try export.flush() }
    try reply(to: request, error: error)
  }

  private mutating func reply(
    to request: NBDRequest,
    error: NBDErrorCode?
  ) throws(NBDTransportError) {
    try replies.append(error, to: request, on: socket)
  }
}

/// The error `work` fails with, if it does.
@inline(__always)
private func failure(of work: () throws(NBDErrorCode) -> Void) -> NBDErrorCode? {
  do throws(NBDErrorCode) {
    try work()
    return nil
  } catch {
    return error
  }
}

extension NBDExportDescription {
  fileprivate init(of export: any NBDExport) {
    self.init(
      byteCount: export.byteCount,
      isReadOnly: export.isReadOnly,
      maximumPayload: export.maximumPayload,
      canMultiConnect: export.canMultiConnect,
      tellsAllocation: export.tellsAllocation
    )
  }
}
