// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RecoveryModel
internal import ReplicationProtocol

/// One connection of a sender, at the listener.
///
/// `@unchecked Sendable`: the monitor guards everything that changes. It is never held while the
/// sink is called, so a sink may call the session with its own lock held.
final class ReceiverSession: StreamSession, LinkEnd, @unchecked Sendable {
  /// What a batch or a query takes besides its content, in bytes: headers, alignment, a place in
  /// queues.
  private static let batchOverhead = 4096

  private let table: SessionTable
  private let monitor = Monitor()
  /// Held while the sink takes a batch, so that after ``fence()`` no more batches come.
  private let handover = Monitor()
  private let budget: ReceiveBudget
  private var link = ReceivingLink(now: Monitor.now())
  /// The memory of batches that were handed over and are not acknowledged.
  private var held = FlightLog()
  private var member: ReceiveMemory.Member?
  private var channel: (any Channel)?
  private var peer: PeerIdentity?
  private var slot: SessionTable.Slot?
  private var sink: (any StreamSink)?
  private var isOver = false

  init(table: SessionTable, budget: ReceiveBudget) {
    self.table = table
    self.budget = budget
  }

  /// The peer's certificate is one of a trusted site.
  func authenticated(as peer: PeerIdentity) { monitor.withLock { self.peer = peer } }

  // MARK: The sink's side

  func acknowledge(through sequence: SequenceNumber) {
    let (action, count, member) = monitor.withLock {
      (link.durable(through: sequence), held.land(through: sequence), self.member)
    }
    perform(action)
    if let member { budget.give(count, of: member) }
  }

  func recycle(_ batch: RecordBatch) { budget.batches.give(batch) }

  func close(_ reason: String) { close(.closed, reason) }

  func close(_ code: RefusalCode, _ reason: String) {
    monitor.withLock { channel }?.end(with: code, reason)
  }

  // MARK: The table's side

  /// Hands over and acknowledges nothing from here on, and says goodbye.
  func fence() {
    table.refusals.note(.fenced, peer: peerName, "a newer connection of the same stream is there")
    handover.withLock { monitor.withLock { link.fence() } }
    close(.fenced, "a newer connection of the same stream is there")
  }

  /// Asks the sink and welcomes the sender.
  ///
  /// The slot's lock is held.
  func open(in slot: SessionTable.Slot, sink: any StreamSink) {
    do {
      let welcome = try sink.opened(session: self)
      perform(
        monitor.withLock {
          self.sink = sink
          self.slot = slot
          return link.welcome(welcome)
        }
      )
    } catch {
      close(.storage, "\(error)")
    }
  }

  /// Tells the sink that the session is over, once.
  ///
  /// The slot's lock is held.
  func reportClosed() {
    let sink = monitor.withLock {
      defer { self.sink = nil }
      return self.sink
    }
    sink?.closed(session: self)
  }

  var isDisconnected: Bool { monitor.withLock { isOver } }

  // MARK: The event loop

  func connected(_ channel: any Channel) {
    let member = budget.join { channel.triggerUserOutboundEvent(ReadOn(), promise: nil) }
    monitor.withLock {
      self.channel = channel
      self.member = member
    }
    table.connected(self)
  }

  func heard() { monitor.withLock { link.heard(at: Monitor.now()) } }

  func received(_ frame: Frame) throws(ReplicationError) {
    switch frame {
    case .data(let batch): try received(batch)
    case .control(let message):
      perform(
        try monitor.withLock { () throws(ReplicationError) in try link.received(message) }
      )
    }
  }

  private func received(_ batch: RecordBatch) throws(ReplicationError) {
    guard let first = batch.first, let last = batch.last else { return }
    try handover.withLock { () throws(ReplicationError) in
      let (known, sink) = try monitor.withLock { () throws(ReplicationError) in
        let known = try link.received(first: first, last: last, weight: batch.weight)
        if known != nil, let member {
          let count = batch.capacity + Self.batchOverhead
          held.depart(last: last, byteCount: count)
          budget.take(count, by: member)
        }
        return (known, self.sink)
      }
      guard let known, let sink else { return budget.batches.give(batch) }
      batch.removeFirst(known)
      sink.receive(batch, session: self)
    }
  }

  var mayRead: Bool {
    guard let member = monitor.withLock({ member }) else { return true }
    return budget.mayRead(member)
  }

  func tick() throws(ReplicationError) {
    let isListening = mayRead
    perform(
      try monitor.withLock { () throws(ReplicationError) in
        let now = Monitor.now()
        // Who is not listened to is not silent.
        if !isListening { link.heard(at: now) }
        return try link.tick(now: now)
      }
    )
  }

  func isCongested(_ isCongested: Bool) throws(ReplicationError) {
    // Acknowledgements and answers are small: a peer that reads never lets so many wait.
    if isCongested { throw .notReading }
  }

  /// Who the peer is, as far as that is known.
  var peerName: String {
    let (peer, channel) = monitor.withLock { (self.peer, self.channel) }
    return peer.map { "\($0)" } ?? channel?.remoteAddress?.ipAddress ?? "unknown"
  }

  func disconnected(_ error: (any Error)?) {
    let name = peerName
    if let error, let cause = refusalCause(of: error) {
      table.refusals.note(cause, peer: name, "\(error)")
    }
    let (slot, member) = monitor.withLock {
      link.fence()
      channel = nil
      isOver = true
      defer { self.member = nil }
      return (self.slot, self.member)
    }
    // What the sink still has is written soon, or withdrawn before the stream's next session opens.
    if let member { budget.leave(member) }
    table.disconnected(self, slot: slot, error)
  }

  private func perform(_ action: ReceivingLink.Action) {
    let (channel, peer, sink) = monitor.withLock { (self.channel, self.peer, self.sink) }
    switch action {
    case .nothing: break
    case .send(let message): channel?.send(message)
    case .open(let stream):
      guard let peer else { return close(.unknownStream, "the peer has no certificate") }
      table.open(self, stream: stream, from: peer)
    case .hash(let query): ask(sink, query, channel)
    }
  }

  /// Has a query answered; until then it counts as what its answer will be.
  private func ask(_ sink: (any StreamSink)?, _ query: HashQuery, _ channel: (any Channel)?) {
    let count = Self.batchOverhead + Int(query.blockCount) * MemoryLayout<BlockHash>.stride
    let (budget, member) = (budget, monitor.withLock { self.member })
    if let member { budget.take(count, by: member) }
    guard let sink else { return }
    sink.hashes(
      volume: Int(query.volume),
      at: query.offset,
      blockSize: Int(query.blockSize),
      count: Int(query.blockCount)
    ) { result in
      channel?.send(.hashReply(identifier: query.identifier, hashes: try? result.get()))
      if let member { budget.give(count, of: member) }
    }
  }
}
