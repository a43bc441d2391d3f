// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How far a VPG's scheduled copies are: what is due, decided from the clock and from what was
/// made, without doing any of it.
///
/// What must hold:
///
/// - A time at which a copy is due is dealt with once, also over restarts and clocks that are set.
/// - What was missed is made up for by one copy, which is kept as long as the longest of them.
/// - A copy that fails is tried again as the policy says, and no later than the next one is due.
package struct RetentionStanding: Codable, Sendable, Equatable {
  package private(set) var policy: RetentionPolicy
  /// Since when the policy is what it is.
  package private(set) var changed: WallTime
  /// Up to when everything that was due is dealt with.
  package private(set) var settled: WallTime
  /// The copy that is to be made, or is under way.
  package private(set) var attempt: Attempt?
  /// Of this policy: copies that were due, and sets that were made of them.
  package private(set) var expected = 0
  package private(set) var succeeded = 0
  /// When a copy was last begun, and when one last became a set.
  package private(set) var lastBegun: WallTime?
  package private(set) var lastSuccess: WallTime?

  /// Whether the last copy of the schedule did not become a set.
  package private(set) var hasFailed = false

  /// Begins with a policy: nothing before it was due.
  package init(_ policy: RetentionPolicy, at now: WallTime) {
    self.policy = policy
    changed = now
    settled = now
  }

  package struct Attempt: Codable, Sendable, Equatable {
    /// The set that is to come of it.
    package var set: RetentionSetIdentifier
    package var due: WallTime
    package var span: RetentionPolicy.Span
    /// From 1.
    package var number: Int
    package var hasBegun: Bool
    /// Since when and until when it waits after a failure.
    package var waits: Wait?
  }

  package struct Wait: Codable, Sendable, Equatable {
    package var since: WallTime
    package var until: WallTime
  }

  /// What is to be done.
  package enum Action: Sendable, Equatable {
    /// A copy is to be begun that is kept until then; `missed` are due times before it.
    case begin(RetentionSetIdentifier, expires: WallTime, missed: Int)
    /// A copy ended without a set: it is tried again then, or never.
    case report(again: WallTime?)
  }

  /// A clock that was set back by more than this has what follows be due anew.
  private static let patience: Int64 = 86_400_000

  /// Decides what is to be done now.
  ///
  /// `isCopying` says whether the VPG is being copied, by whoever began it; `set` is one that is
  /// not used yet. What it answers is done after the standing was stored; nil is nothing to do.
  package mutating func step(
    _ schedule: RetentionSchedule,
    now: WallTime,
    isCopying: Bool,
    next set: RetentionSetIdentifier
  ) -> Action? {
    if policy != schedule.policy { follow(schedule.policy, at: now) }
    if settled.milliseconds(since: now) > Self.patience { settled = now }
    if let attempt, attempt.hasBegun {
      return isCopying ? nil : fail(at: now, next: set)
    }
    let due = schedule.due(after: settled, upTo: now)
    if let due {
      settled = due.time
      expected += 1 + due.missed
      let span = attempt.map { schedule.longer($0.span, due.span, from: now) } ?? due.span
      attempt = Attempt(set: set, due: due.time, span: span, number: 1, hasBegun: false)
    }
    guard !isCopying, let attempt, !attempt.isWaiting(at: now) else { return nil }
    return .begin(
      attempt.set,
      expires: schedule.expiry(of: attempt.span, from: now),
      missed: due?.missed ?? 0
    )
  }

  /// The copy is under way.
  package mutating func begun(_ set: RetentionSetIdentifier, at now: WallTime) {
    guard attempt?.set == set else { return }
    attempt?.hasBegun = true
    lastBegun = now
  }

  /// The copy could not be begun, or ended without a set.
  package mutating func fail(at now: WallTime, next set: RetentionSetIdentifier) -> Action? {
    guard let failed = attempt else { return nil }
    hasFailed = true
    let usual = RetentionPolicy.Retry.usual
    guard let retry = policy.retry, retry.isEnabled, failed.number <= retry.count ?? usual.count
    else {
      attempt = nil
      return .report(again: nil)
    }
    let minutes = Int64(retry.intervalInMinutes ?? usual.minutes)
    let until = WallTime(milliseconds: now.milliseconds + minutes * 60_000)
    attempt = Attempt(
      set: set,
      due: failed.due,
      span: failed.span,
      number: failed.number + 1,
      hasBegun: false,
      waits: Wait(since: now, until: until)
    )
    return .report(again: until)
  }

  /// A copy became a set.
  package mutating func kept(_ set: RetentionSetIdentifier, at now: WallTime) {
    lastSuccess = now
    guard attempt?.set == set else { return }
    attempt = nil
    succeeded += 1
    hasFailed = false
  }

  /// Somebody does not want the copy: it is not tried again.
  package mutating func aborted() { attempt = nil }

  private mutating func follow(_ new: RetentionPolicy, at now: WallTime) {
    policy = new
    changed = now
    settled = now
    (expected, succeeded, hasFailed) = (0, 0, false)
    // One that is under way may still become a set.
    if attempt?.hasBegun == false || !new.isEnabled { attempt = nil }
  }
}

extension RetentionStanding.Attempt {
  /// A clock that was set back before the failure does not make it wait longer.
  fileprivate func isWaiting(at now: WallTime) -> Bool {
    guard let waits else { return false }
    return now >= waits.since && now < waits.until
  }
}
