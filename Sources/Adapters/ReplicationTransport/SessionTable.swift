// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
internal import Logging
internal import NIOPosix
internal import RecoveryModel
internal import ReplicationProtocol

/// The sessions of a listener: for each stream the newest one, and nobody else.
///
/// What may block, as sinks do when they open, happens on threads of its own, under the lock of
/// the stream's slot: sessions of one stream open and close one after the other.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class SessionTable: @unchecked Sendable {
  /// The place of a stream's one session.
  ///
  /// `@unchecked Sendable`: its lock guards the session.
  final class Slot: @unchecked Sendable {
    fileprivate let lock = Monitor()
    fileprivate var current: ReceiverSession?
  }

  private let sinks: @Sendable (StreamIdentifier, SiteIdentifier) -> (any StreamSink)?
  let refusals: RefusalLog
  private let logger: Logger
  private let monitor = Monitor()
  private var slots: [StreamIdentifier: Slot] = [:]
  private var sessions: [ObjectIdentifier: ReceiverSession] = [:]
  private var isClosing = false
  /// Who waits until there is no session any more.
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(
    refusals: RefusalLog,
    logger: Logger,
    sinks: @escaping @Sendable (StreamIdentifier, SiteIdentifier) -> (any StreamSink)?
  ) {
    self.refusals = refusals
    self.logger = logger
    self.sinks = sinks
  }

  func connected(_ session: ReceiverSession) {
    let isLate = monitor.withLock {
      sessions[ObjectIdentifier(session)] = session
      return isClosing
    }
    if isLate { session.close(.shuttingDown, "the appliance is going away") }
  }

  func open(_ session: ReceiverSession, stream: StreamIdentifier, from peer: PeerIdentity) {
    onOwnThread { [self] in
      guard let sink = sinks(stream, peer.site) else {
        let reason = "this appliance keeps no journal of this stream"
        refusals.note(.unknownStream, peer: "\(peer)", "\(reason): \(stream)")
        return session.close(.unknownStream, reason)
      }
      let slot = slot(of: stream)
      slot.lock.withLock {
        guard !session.isDisconnected else { return }
        if let older = slot.current {
          older.fence()
          older.reportClosed()
        }
        slot.current = session
        session.open(in: slot, sink: sink)
        // It may have gone while the sink was busy, before there was a slot to clean.
        if session.isDisconnected { session.reportClosed() }
      }
      logger.info("a stream is linked", metadata: ["stream": "\(stream)", "peer": "\(peer)"])
    }
  }

  func disconnected(_ session: ReceiverSession, slot: Slot?, _ error: (any Error)?) {
    if let error { logger.notice("a link failed", metadata: ["reason": "\(error)"]) }
    onOwnThread { [self] in
      if let slot {
        slot.lock.withLock {
          if slot.current === session { slot.current = nil }
          session.reportClosed()
        }
      }
      let waiting = monitor.withLock {
        sessions[ObjectIdentifier(session)] = nil
        guard sessions.isEmpty else { return [CheckedContinuation<Void, Never>]() }
        defer { self.waiting = [] }
        return self.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  /// Ends all sessions and returns when every sink knows.
  ///
  /// It holds no thread meanwhile: the pool may have no more than sessions need to end.
  func closeAll() async {
    let open = monitor.withLock {
      isClosing = true
      return Array(sessions.values)
    }
    for session in open { session.close(.shuttingDown, "the appliance is going away") }
    await withCheckedContinuation { continuation in
      let isOver = monitor.withLock {
        if !sessions.isEmpty { waiting.append(continuation) }
        return sessions.isEmpty
      }
      if isOver { continuation.resume() }
    }
  }

  private func slot(of stream: StreamIdentifier) -> Slot {
    monitor.withLock {
      if let slot = slots[stream] { return slot }
      let slot = Slot()
      slots[stream] = slot
      return slot
    }
  }

  /// Runs work that may block.
  ///
  /// The pool is the process's own and is never shut down.
  private func onOwnThread(_ work: @escaping @Sendable () -> Void) {
    NIOThreadPool.singleton.submit { _ in work() }
  }
}
