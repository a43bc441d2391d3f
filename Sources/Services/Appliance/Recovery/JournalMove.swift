// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Journal
internal import Logging
internal import NBDTransport
internal import RecoveryModel
internal import ReplicationTransport

/// A stream's journal and replicas on their way to other places: a thread that tries until they
/// are there, or until nobody wants it any more.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class JournalMove: @unchecked Sendable {
  /// Why an attempt ended that nobody wants any more.
  struct Unwanted: Error {}

  /// After a failure, in milliseconds.
  private static let retryMilliseconds: Int64 = 60_000
  /// While something has to pass first, in milliseconds.
  private static let waitMilliseconds: Int64 = 500

  let stream: StreamIdentifier
  private let logger: Logger
  private let monitor = Monitor()
  private var isUnwanted = false
  private var standing = JournalStatus.Move()
  private var thread: BlockingThread?

  init(_ stream: StreamIdentifier, logger: Logger) {
    self.stream = stream
    self.logger = logger
  }

  /// Begins; `attempt` throws, having changed nothing, if it does not get to the end.
  func start(_ attempt: @escaping @Sendable (JournalMove) throws -> Void) throws {
    let thread = try BlockingThread(name: "journal-move") {
      while self.isWanted {
        do { return try attempt(self) } catch {
          self.rest(self.note(error) ? Self.waitMilliseconds : Self.retryMilliseconds)
        }
      }
    }
    monitor.withLock { self.thread = thread }
  }

  /// Returns when nothing is done any more.
  func end() {
    giveWay()
    join()
  }

  /// Waits until it is done, or ended by somebody else.
  func join() { monitor.withLock { thread }?.join() }

  /// Has it end soon.
  func giveWay() {
    monitor.withLock {
      isUnwanted = true
      monitor.broadcast()
    }
  }

  var isWanted: Bool { monitor.withLock { !isUnwanted } }
  var status: JournalStatus.Move { monitor.withLock { standing } }

  /// Whether it passes by itself.
  ///
  /// A failure is told of until the move is done: what is tried again has not succeeded yet.
  private func note(_ error: any Error) -> Bool {
    monitor.withLock { standing.copiedByteCount = 0 }
    switch error {
    case JournalError.incomplete, JournalError.held, is Unwanted: return true
    default: break
    }
    let reason = words(error)
    logger.warning("a journal could not be moved: \(reason)")
    monitor.withLock { standing.failure = reason }
    return false
  }

  // MARK: For the attempt

  func begin(byteCount: UInt64) {
    monitor.withLock { (standing.copiedByteCount, standing.totalByteCount) = (0, byteCount) }
  }

  func count(_ byteCount: UInt64) {
    monitor.withLock { standing.copiedByteCount += byteCount }
  }

  func checkIsWanted() throws { guard isWanted else { throw Unwanted() } }

  /// Tries something until it can be done.
  func wait(for isDone: () throws -> Bool) throws {
    while true {
      try checkIsWanted()
      if try isDone() { return }
      rest(Self.waitMilliseconds)
    }
  }

  /// Does nothing for a while, or until nobody wants it any more.
  func rest(_ milliseconds: Int64) {
    let end = Monitor.now() + milliseconds
    monitor.withLock {
      while !isUnwanted, monitor.wait(until: end) {}
    }
  }
}
