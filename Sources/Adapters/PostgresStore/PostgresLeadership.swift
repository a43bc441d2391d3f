// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Glibc
internal import Store
internal import Synchronization

/// The right of one manager to act for its site.
///
/// It is an advisory lock, held on a connection of its own, and an epoch that each holder counts
/// up and that every write of the holder checks. The lock's connection is asked once a second.
/// A holder acts at most `lease` longer than the sending of the last question that was answered;
/// a successor of one that did not resign waits `handover`, which is longer, before it acts. See
/// docs/decisions/2026-11-23-one-manager-acts.md.
final class PostgresLeadership: Sendable {
  static let lease: Duration = .seconds(4)
  static let handover: Duration = .seconds(5)
  private static let lock: Int64 = 0x75_6E_64_65_72_00_02

  /// Which holder this is.
  let epoch: Int64
  private let line: PostgresLine
  private let ending = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  private init(epoch: Int64, line: PostgresLine) {
    self.epoch = epoch
    self.line = line
  }

  /// Makes the table of the epoch, which has one row.
  static func prepare(_ connection: PostgresConnection) throws(StoreError) {
    try connection.run(
      "CREATE TABLE IF NOT EXISTS leadership (epoch BIGINT NOT NULL, isHeld BOOLEAN NOT NULL)"
    )
    try connection.run(
      """
      INSERT INTO leadership (epoch, isHeld)
      SELECT 0, FALSE WHERE NOT EXISTS (SELECT 1 FROM leadership)
      """
    )
  }

  /// Fails within a transaction if another manager has taken over; none can until it ends.
  static func check(_ epoch: Int64, _ connection: PostgresConnection) throws(StoreError) {
    let now = try connection.run(SQLStatement("SELECT epoch FROM leadership FOR SHARE"))
    guard now.first?.first?.integer == epoch else {
      throw .unavailable("another manager of the site has taken over")
    }
  }

  /// Waits until no other manager acts, and then returns the right to.
  ///
  /// `onWaiting` is told, when it changes, what is waited for; `onLost` is called once, on a thread
  /// of its own, if the right is lost: the process must stop acting before it returns.
  static func acquire(
    at location: String,
    onWaiting: @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws -> PostgresLeadership {
    let line = PostgresLine(to: location)
    var told = ""
    while true {
      var reason = "another manager of the site is active"
      var taken: (right: PostgresLeadership, wasHeld: Bool)?
      do throws(StoreError) {
        taken = try await line.perform { connection throws(StoreError) in
          let asked = ContinuousClock.now
          guard let (epoch, wasHeld) = try take(connection) else { return nil }
          // From here on, and not from when this task goes on, which may be much later.
          let right = PostgresLeadership(epoch: epoch, line: line)
          right.keep(since: asked, onLost: onLost)
          return (right, wasHeld)
        }
      } catch { reason = "\(error)" }
      if let (held, wasHeld) = taken {
        // The last holder did not resign: it may act for a while yet.
        guard wasHeld else { return held }
        do { try await Task.sleep(for: handover) } catch {
          await held.end()
          throw error
        }
        return held
      }
      if reason != told { onWaiting(reason) }
      told = reason
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Lets go, so that a successor need not wait; nothing may be written any more.
  func resign() async {
    let epoch = epoch
    await stopAsking()
    _ = try? await line.perform { connection throws(StoreError) in
      try connection.transaction([
        SQLStatement("UPDATE leadership SET isHeld = FALSE WHERE epoch = ?", [epoch])
      ])
    }
    line.close()
  }

  /// Lets go without a word, as if the process had died.
  private func end() async {
    await stopAsking()
    line.close()
  }

  private func stopAsking() async {
    ending.signal()
    await withCheckedContinuation { waiting in
      DispatchQueue.global().async { [ended] in
        ended.wait()
        waiting.resume()
      }
    }
  }

  /// Takes the lock if it is free: the new epoch, and whether the last holder did not resign.
  private static func take(
    _ connection: PostgresConnection
  ) throws(StoreError) -> (Int64, Bool)? {
    let taken = try connection.run(
      SQLStatement("SELECT pg_try_advisory_lock(?)::int4", [lock])
    )
    guard taken.first?.first?.integer == 1 else { return nil }
    let rows = try connection.transaction([
      SQLStatement(
        """
        UPDATE leadership AS new SET epoch = old.epoch + 1, isHeld = TRUE
        FROM (SELECT epoch, isHeld FROM leadership FOR UPDATE) AS old
        RETURNING new.epoch, old.isHeld::int4
        """
      )
    ])
    guard let row = rows.first, let epoch = row[0].integer, let held = row[1].integer else {
      throw .corrupt("the table leadership has no row")
    }
    return (epoch, held == 1)
  }

  /// Asks the lock's connection until the end.
  private func keep(
    since start: ContinuousClock.Instant,
    onLost: @escaping @Sendable (String) -> Void
  ) {
    let thread = Thread { [self] in
      defer { ended.signal() }
      var answered = start
      while ending.wait(timeout: .now() + .seconds(1)) == .timedOut {
        let sent = ContinuousClock.now
        let deadline = answered + Self.lease
        do throws(StoreError) {
          try line.performOnSame { connection throws(StoreError) in
            try Self.ask(connection, until: deadline)
          }
        } catch {
          onLost("\(error)")
          return
        }
        answered = sent
      }
    }
    thread.name = "leadership"
    thread.start()
  }

  private static func ask(
    _ connection: PostgresConnection,
    until deadline: ContinuousClock.Instant
  ) throws(StoreError) {
    try connection.ask("SELECT 1")
    while try connection.answer() == nil {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw .unavailable("PostgreSQL does not answer") }
      var waiting = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&waiting, 1, Int32(left / .milliseconds(1)) + 1)
    }
    guard ContinuousClock.now < deadline else {
      throw .unavailable("PostgreSQL's answer came too late")
    }
  }
}
