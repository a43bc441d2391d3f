// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The checkpoints of one VPG that were due and could not be made, since the manager began.
///
/// It says which of them are worth an event: the first in a row, at most one a minute, and the
/// first that is made after one that was told of.
package struct SkippedCheckpoints: Sendable, Equatable {
  private static let millisecondsBetweenEvents: Int64 = 60_000

  /// Since the manager began.
  package private(set) var count = 0
  /// Since the last one that was made.
  package private(set) var countInARow = 0
  /// Why the latest was not made; empty if the latest was.
  package private(set) var reason = ""
  /// When the first of the row was due; nil if the latest was made.
  package private(set) var since: WallTime?
  private var told: WallTime?
  private var isTold = false

  package init() {}

  /// Takes note of one that was not made at `now`, for a reason in words for an operator.
  ///
  /// Returns whether that is worth an event.
  package mutating func skip(_ why: String, at now: WallTime) -> Bool {
    count += 1
    countInARow += 1
    reason = why
    since = since ?? now
    guard !isTold,
      told.map({ now.milliseconds(since: $0) >= Self.millisecondsBetweenEvents }) ?? true
    else { return false }
    isTold = true
    told = now
    return true
  }

  /// Takes note that none is due for a reason that has events of its own, as a sync has.
  package mutating func wait(_ why: String) { reason = why }

  /// Takes note of one that was made.
  ///
  /// Returns how many were skipped before it, if that was told and is now over; else nil.
  package mutating func make() -> Int? {
    defer {
      countInARow = 0
      reason = ""
      since = nil
      isTold = false
    }
    return isTold ? countInARow : nil
  }
}
