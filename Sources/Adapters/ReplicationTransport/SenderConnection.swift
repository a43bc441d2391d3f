// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import RecoveryModel
internal import ReplicationProtocol

/// One connection of a sender, between the event loop and the sender's own thread.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class SenderConnection: LinkEnd, @unchecked Sendable {
  private let stream: StreamIdentifier
  private let source: any StreamSource
  private let monitor = Monitor()
  /// What the network is given ahead of what it has sent, in bytes: enough to be busy while the
  /// next frame is made, no more than must be remembered.
  private static let queueByteCount = 1 << 20
  private var link: SendingLink
  private var channel: (any Channel)?
  private var welcome: StreamWelcome?
  private var reason: String?
  private var cause: LinkRefusal.Cause?
  private var isEnding = false
  /// Bytes of frames that the network has and has not sent.
  private var queuedByteCount = 0
  private var tickets: [UInt64: HashTicket] = [:]
  private var nextQuery: UInt64 = 1

  init(stream: StreamIdentifier, source: any StreamSource) {
    self.stream = stream
    self.source = source
    link = SendingLink(now: Monitor.now())
  }

  // MARK: The sender's thread

  /// Blocks until the receiver welcomed us or the link failed.
  func waitForWelcome() -> StreamWelcome? {
    monitor.withLock {
      while welcome == nil, reason == nil { monitor.wait() }
      return reason == nil ? welcome : nil
    }
  }

  func resume(after sequence: SequenceNumber) {
    monitor.withLock { link.resume(after: sequence) }
  }

  /// Blocks until a batch may be sent: the window has room, and the network asks for more.
  ///
  /// - Returns: The last record sent; nil if the link is over.
  func waitForRoom() -> SequenceNumber? {
    monitor.withLock {
      while reason == nil, !link.canSend || queuedByteCount > Self.queueByteCount {
        monitor.wait()
      }
      return reason == nil ? link.position : nil
    }
  }

  /// Whether the network has sent all it was given.
  var isIdle: Bool { monitor.withLock { queuedByteCount == 0 } }

  var isOver: Bool { monitor.withLock { reason != nil } }

  /// What its end is to be counted as, if anybody did something wrong.
  var refusal: LinkRefusal.Cause? { monitor.withLock { cause } }

  /// Why the link is over, for an operator.
  var endReason: String { monitor.withLock { reason ?? "" } }

  /// Sends a batch as the frame that was made of it.
  ///
  /// - Returns: False if the link is over.
  func send(_ batch: RecordBatch, as frame: ByteBuffer) -> Bool {
    guard let first = batch.first, let last = batch.last else { return true }
    let count = frame.readableBytes
    let open: (any Channel)? = monitor.withLock {
      guard reason == nil, let channel else { return nil }
      link.sending(first: first, last: last, byteCount: batch.weight)
      queuedByteCount += count
      return channel
    }
    guard let open else { return false }
    open.writeAndFlush(frame).whenComplete { [self] _ in
      monitor.withLock {
        queuedByteCount -= count
        monitor.broadcast()
      }
    }
    return true
  }

  /// Ends the link from this side.
  ///
  /// Returns at once.
  func end(_ text: String) {
    let open: (any Channel)? = monitor.withLock {
      isEnding = true
      if reason == nil { reason = text }
      monitor.broadcast()
      return channel
    }
    failTickets()
    open?.close(promise: nil)
  }

  // MARK: The sync's thread

  func ask(volume: Int, at offset: UInt64, blockSize: Int, count: Int) -> HashTicket {
    let ticket = HashTicket()
    let (query, open): (HashQuery, (any Channel)?) = monitor.withLock {
      let query = HashQuery(
        identifier: nextQuery,
        volume: UInt16(volume),
        offset: offset,
        blockSize: UInt32(blockSize),
        blockCount: UInt32(count)
      )
      nextQuery += 1
      guard reason == nil, welcome != nil else { return (query, nil) }
      tickets[query.identifier] = ticket
      return (query, channel)
    }
    if let open { open.send(.hashQuery(query)) } else { ticket.fulfil(.failure(.linkLost)) }
    return ticket
  }

  // MARK: The event loop

  func connected(_ channel: any Channel) {
    let isLate = monitor.withLock {
      self.channel = channel
      return isEnding
    }
    if isLate {
      channel.close(promise: nil)
    } else {
      channel.send(.hello(version: ControlMessage.version, stream: stream))
    }
  }

  /// The connection could not be made.
  func failedToConnect(_ error: any Error) { disconnected(error) }

  func heard() { monitor.withLock { link.heard(at: Monitor.now()) } }

  func received(_ frame: Frame) throws(ReplicationError) {
    guard case .control(let message) = frame else { throw .unexpected(.data) }
    let action = try monitor.withLock { () throws(ReplicationError) in
      let action = try link.received(message)
      // Under the lock: once the link is over, nothing it said may reach the source, which may
      // have numbered its records anew by then.
      if case .acknowledged(let sequence) = action, reason == nil {
        source.acknowledged(through: sequence)
        monitor.broadcast()
      }
      return action
    }
    switch action {
    case .nothing, .acknowledged: break
    case .send(let reply): monitor.withLock { channel }?.send(reply)
    case .opened(let welcome):
      monitor.withLock {
        self.welcome = welcome
        monitor.broadcast()
      }
    case .hashes(let identifier, let hashes):
      let ticket = monitor.withLock { tickets.removeValue(forKey: identifier) }
      ticket?.fulfil(hashes.map { .success($0) } ?? .failure(.notReadable))
    }
  }

  /// What comes is small, and is wanted at any time.
  var mayRead: Bool { true }

  /// The network is given no more than it can send soon; see ``waitForRoom()``.
  func isCongested(_ isCongested: Bool) {}

  func tick() throws(ReplicationError) {
    let action = try monitor.withLock { () throws(ReplicationError) in
      try link.tick(now: Monitor.now())
    }
    if case .send(let message) = action { monitor.withLock { channel }?.send(message) }
  }

  func disconnected(_ error: (any Error)?) {
    monitor.withLock {
      if reason == nil {
        reason = error.map { "\($0)" } ?? "the other site closed the link"
        cause = error.flatMap(refusalCause)
      }
      channel = nil
      monitor.broadcast()
    }
    failTickets()
  }

  private func failTickets() {
    let lost = monitor.withLock {
      defer { tickets = [:] }
      return Array(tickets.values)
    }
    for ticket in lost { ticket.fulfil(.failure(.linkLost)) }
  }
}
