// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel
internal import ReplicationProtocol

/// One limit for all the senders of an appliance, which wait here for their turn before each
/// frame.
///
/// A sender that waits keeps its records in the stream's buffer; a guest never waits here. Safe to
/// use from any thread.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
package final class LinkLimiter: @unchecked Sendable {
  /// How long a sender waits before it looks whether its link is over, or the schedule has turned.
  private static let waitMilliseconds: Int64 = 200

  private let moment: @Sendable () -> BandwidthSchedule.Moment
  private let monitor = Monitor()
  private var share = BandwidthShare(now: Monitor.now())
  private var schedule = BandwidthSchedule()
  private var part = 1.0
  /// Whose turn it is and who has not noticed yet.
  private var granted: Set<BandwidthShare.Member> = []

  /// Makes a limiter without a limit.
  ///
  /// `moment` tells day and time, of this machine's clock unless said otherwise.
  package init(
    moment: @escaping @Sendable () -> BandwidthSchedule.Moment = {
      BandwidthSchedule.Moment(
        .ofThisMachine(),
        secondsFromGMT: TimeZone.current.secondsFromGMT()
      )
    }
  ) {
    self.moment = moment
  }

  /// Keeps to `part`, 0...1, of a schedule from now on.
  package func keep(to schedule: BandwidthSchedule, part: Double) {
    monitor.withLock {
      self.schedule = schedule
      self.part = part
      monitor.broadcast()
    }
  }

  /// Bytes per second at this moment; nil if there is no limit.
  package var limit: UInt64? { monitor.withLock { currentLimit } }

  /// Bytes that were let through since the start.
  package var grantedByteCount: UInt64 { monitor.withLock { share.grantedByteCount } }

  /// Blocks until a sender waits for its turn, at most some milliseconds.
  ///
  /// - Returns: False if none does.
  package func waits(atMost milliseconds: Int64) -> Bool {
    let deadline = Monitor.now() + milliseconds
    return monitor.withLock {
      while share.waitingByteCount == 0 {
        guard monitor.wait(until: deadline) else { return false }
      }
      return true
    }
  }

  func join(_ priority: VPGDefinition.Priority) -> BandwidthShare.Member {
    monitor.withLock { share.join(priority) }
  }

  func leave(_ member: BandwidthShare.Member) {
    monitor.withLock {
      share.leave(member)
      monitor.broadcast()
    }
  }

  func setPriority(_ priority: VPGDefinition.Priority, of member: BandwidthShare.Member) {
    monitor.withLock { share.setPriority(priority, of: member) }
  }

  /// The most bytes of one frame that leave others their turn.
  var frameByteLimit: Int { monitor.withLock { share.frameByteLimit } }

  /// Blocks until it is the sender's turn to send a frame.
  ///
  /// - Returns: False if `isOver` says that there is nothing to send any more.
  func admit(
    _ member: BandwidthShare.Member,
    byteCount: Int,
    isSync: Bool,
    isOver: () -> Bool
  ) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    share.ask(member, byteCount: byteCount, isSync: isSync)
    while true {
      let now = Monitor.now()
      share.setLimit(currentLimit, now: now)
      while let next = share.grant(now: now) { granted.insert(next) }
      monitor.broadcast()
      if granted.remove(member) != nil { return true }
      if isOver() {
        share.withdraw(member)
        return false
      }
      _ = monitor.wait(until: min(share.nextGrant(now: now) ?? .max, now + Self.waitMilliseconds))
    }
  }

  /// The lock is held.
  private var currentLimit: UInt64? {
    let limit = schedule.periods.isEmpty ? schedule.limit : schedule.limit(at: moment())
    return limit.map { max(1, UInt64(Double($0) * part)) }
  }
}
