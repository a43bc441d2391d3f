// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct RetentionStandingTests {
  /// A standing that is asked one time after the other.
  private struct Course {
    let schedule: RetentionSchedule
    var standing: RetentionStanding
    var number = 0

    init(_ schedule: RetentionSchedule, since text: String) throws {
      self.schedule = schedule
      standing = RetentionStanding(schedule.policy, at: try clock(text))
    }

    mutating func step(_ text: String, isCopying: Bool = false) throws -> RetentionStanding.Action?
    {
      number += 1
      return standing.step(
        schedule,
        now: try clock(text),
        isCopying: isCopying,
        next: RetentionSetIdentifier("set\(number)")
      )
    }

    mutating func begun(_ text: String) throws {
      standing.begun(try #require(standing.attempt?.set), at: try clock(text))
    }

    mutating func kept(_ text: String) throws {
      standing.kept(try #require(standing.attempt?.set), at: try clock(text))
    }
  }

  private func daily(_ retry: RetentionPolicy.Retry? = nil) throws -> RetentionSchedule {
    try makeSchedule {
      $0.daily = rule(7, .days)
      $0.monthly = rule(1, .years) { $0.day = 1 }
      $0.retry = retry
    }
  }

  @Test func `a copy is begun once when it is due, and again the next day`() throws {
    var course = try Course(try daily(), since: "2027-03-10 12:00")
    #expect(try course.step("2027-03-10 23:00") == nil)
    #expect(try course.step("2027-03-11 01:59") == nil)
    let action = try course.step("2027-03-11 02:00")
    let expires = try clock("2027-03-18 02:00")
    #expect(action == .begin(RetentionSetIdentifier("set3"), expires: expires, missed: 0))
    // A manager that was killed before it began begins the same one.
    let again = try course.step("2027-03-11 02:01")
    #expect(
      again
        == .begin(RetentionSetIdentifier("set3"), expires: try clock("2027-03-18 02:01"), missed: 0)
    )
    try course.begun("2027-03-11 02:01")
    #expect(try course.step("2027-03-11 02:02", isCopying: true) == nil)
    try course.kept("2027-03-11 02:30")
    #expect(try course.step("2027-03-11 02:31") == nil)
    #expect(try course.step("2027-03-12 02:00") != nil)
    #expect(course.standing.expected == 2 && course.standing.succeeded == 1)
    #expect(course.standing.lastSuccess == (try clock("2027-03-11 02:30")))
  }

  @Test func `what was missed is made up for by one copy, kept as long as the longest`() throws {
    var course = try Course(try daily(), since: "2027-03-28 12:00")
    let action = try course.step("2027-04-03 15:00")
    #expect(
      action
        == .begin(RetentionSetIdentifier("set1"), expires: try clock("2028-04-03 15:00"), missed: 5)
    )
    try course.begun("2027-04-03 15:00")
    try course.kept("2027-04-03 15:10")
    #expect(try course.step("2027-04-04 01:59") == nil)
    #expect(course.standing.expected == 6 && course.standing.succeeded == 1)
    // However long it was away.
    guard case .begin(_, _, let missed) = try course.step("2047-01-01 00:00") else {
      Issue.record("nothing is begun")
      return
    }
    #expect(missed == 365)
  }

  @Test func `a clock that is set back makes no second copy, and does not stop them`() throws {
    var course = try Course(try daily(), since: "2027-03-10 12:00")
    #expect(try course.step("2027-03-11 02:00") != nil)
    try course.begun("2027-03-11 02:00")
    try course.kept("2027-03-11 02:05")
    #expect(try course.step("2027-03-11 01:00") == nil)
    #expect(try course.step("2027-03-11 02:00") == nil)
    // Far ahead for a moment, and back.
    #expect(try course.step("2037-03-11 03:00") != nil)
    try course.begun("2037-03-11 03:00")
    try course.kept("2037-03-11 03:05")
    #expect(try course.step("2027-03-11 12:00") == nil)
    #expect(try course.step("2027-03-12 02:00") != nil)
  }

  @Test func `a copy that fails is tried again as often as the policy says, and no more`() throws {
    let retry = RetentionPolicy.Retry(isEnabled: true, count: 1, intervalInMinutes: 20)
    var course = try Course(try daily(retry), since: "2027-03-10 12:00")
    _ = try course.step("2027-03-11 02:00")
    try course.begun("2027-03-11 02:00")
    #expect(try course.step("2027-03-11 02:10") == .report(again: try clock("2027-03-11 02:30")))
    #expect(try course.step("2027-03-11 02:29") == nil)
    #expect(try course.step("2027-03-11 02:30", isCopying: true) == nil)
    guard case .begin(let set, _, _) = try course.step("2027-03-11 02:31") else {
      Issue.record("nothing is begun")
      return
    }
    let failed = course.standing.fail(
      at: try clock("2027-03-11 02:31"),
      next: RetentionSetIdentifier("x")
    )
    #expect(failed == .report(again: nil) && set.rawValue != "x")
    #expect(try course.step("2027-03-11 03:00") == nil)
    #expect(try course.step("2027-03-12 02:00") != nil)
  }

  @Test func `without tries a failure waits for the next day, and so does an abort`() throws {
    var course = try Course(try daily(), since: "2027-03-10 12:00")
    _ = try course.step("2027-03-11 02:00")
    try course.begun("2027-03-11 02:00")
    #expect(try course.step("2027-03-11 02:10") == .report(again: nil))
    #expect(try course.step("2027-03-11 02:20") == nil)
    _ = try course.step("2027-03-12 02:00")
    try course.begun("2027-03-12 02:00")
    course.standing.aborted()
    #expect(try course.step("2027-03-12 02:10") == nil)
    #expect(try course.step("2027-03-13 02:00") != nil)
  }

  @Test func `the next copy takes the place of one that still waits for its turn`() throws {
    let retry = RetentionPolicy.Retry(isEnabled: true, count: 3, intervalInMinutes: 1440)
    var course = try Course(try daily(retry), since: "2027-03-31 12:00")
    _ = try course.step("2027-04-01 02:00")
    try course.begun("2027-04-01 02:00")
    _ = try course.step("2027-04-01 03:00")
    // The failed one was the month's.
    let action = try course.step("2027-04-02 02:00")
    #expect(
      action
        == .begin(RetentionSetIdentifier("set3"), expires: try clock("2028-04-02 02:00"), missed: 0)
    )
  }

  @Test func `a new policy begins anew`() throws {
    var course = try Course(try daily(), since: "2027-03-10 12:00")
    _ = try course.step("2027-03-11 02:00")
    let late = try makeSchedule(at: 1380) { $0.daily = rule(1, .days) }
    let now = try clock("2027-03-12 12:00")
    #expect(
      course.standing.step(late, now: now, isCopying: false, next: RetentionSetIdentifier("n"))
        == nil
    )
    #expect(course.standing.changed == now && course.standing.expected == 0)
    let due = try clock("2027-03-12 23:00")
    let expires = try clock("2027-03-13 23:00")
    #expect(
      course.standing.step(late, now: due, isCopying: false, next: RetentionSetIdentifier("n"))
        == .begin(RetentionSetIdentifier("n"), expires: expires, missed: 0)
    )
  }
}
