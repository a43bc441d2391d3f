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
  private let table: SessionTable
  private let monitor = Monitor()
  /// Held while the sink takes a batch, so that after ``fence()`` no more batches come.
  private let handover = Monitor()
  let batches = BatchPool()
  private var link = ReceivingLink(now: Monitor.now())
  private var channel: (any Channel)?
  private var peer: PeerIdentity?
  private var slot: SessionTable.Slot?
  private var sink: (any StreamSink)?
  private var isOver = false

  init(table: SessionTable) { self.table = table }

  /// The peer's certificate is one of a trusted site.
  func authenticated(as peer: PeerIdentity) { monitor.withLock { self.peer = peer } }

  // MARK: The sink's side

  func acknowledge(through sequence: SequenceNumber) {
    perform(monitor.withLock { link.durable(through: sequence) })
  }

  func recycle(_ batch: RecordBatch) { batches.give(batch) }

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
    monitor.withLock { self.channel = channel }
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
        (try link.received(first: first, last: last, weight: batch.weight), self.sink)
      }
      guard let known, let sink else { return batches.give(batch) }
      batch.removeFirst(known)
      sink.receive(batch, session: self)
    }
  }

  func tick() throws(ReplicationError) {
    perform(
      try monitor.withLock { () throws(ReplicationError) in try link.tick(now: Monitor.now()) }
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
    let slot = monitor.withLock {
      link.fence()
      channel = nil
      isOver = true
      return self.slot
    }
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
    case .hash(let query):
      sink?.hashes(
        volume: Int(query.volume),
        at: query.offset,
        blockSize: Int(query.blockSize),
        count: Int(query.blockCount)
      ) { result in
        channel?.send(.hashReply(identifier: query.identifier, hashes: try? result.get()))
      }
    }
  }
}
