// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct RetentionScheduleTests {
  /// All that is due between two times.
  private func all(
    _ schedule: RetentionSchedule,
    from: WallTime,
    to: WallTime
  ) -> [WallTime] {
    var (found, now): ([WallTime], WallTime) = ([], from)
    while let next = schedule.next(after: now), next <= to {
      found.append(next)
      now = next
    }
    return found
  }

  @Test func `a day has one copy, kept as long as the longest rule of that day says`() throws {
    let schedule = try makeSchedule {
      $0.daily = rule(7, .days)
      $0.weekly = rule(4, .weeks) { $0.weekday = 0 }
      $0.monthly = rule(12, .months) { $0.day = 31 }
      $0.yearly = rule(7, .years) { ($0.month, $0.day) = (2, 28) }
    }
    for (day, span) in [
      ("2027-02-25", RetentionPolicy.Span(7, .days)), ("2027-02-21", .init(4, .weeks)),
      // Also the last day of the month.
      ("2027-02-28", .init(7, .years)), ("2027-01-31", .init(12, .months)),
      ("2027-04-30", .init(12, .months)),
    ] {
      let now = try clock("\(day) 02:00")
      let due = schedule.due(after: WallTime(milliseconds: now.milliseconds - 1), upTo: now)
      #expect(due?.time == now && due?.span == span && due?.missed == 0, "\(day)")
    }
    let year = all(schedule, from: try clock("2027-01-01 00:00"), to: try clock("2027-12-31 23:59"))
    #expect(year.count == 365)
  }

  @Test func `rules by weekday of a month and of a year find their days`() throws {
    let second = try makeSchedule {
      $0.monthly = rule(1, .years) { ($0.weekday, $0.week) = (2, 2) }
    }
    let last = try makeSchedule { $0.monthly = rule(1, .years) { ($0.weekday, $0.week) = (1, 5) } }
    let first = try makeSchedule { $0.yearly = rule(1, .years) { ($0.weekday, $0.week) = (5, 1) } }
    let end = try makeSchedule { $0.yearly = rule(1, .years) { ($0.weekday, $0.week) = (5, 5) } }
    let (from, to) = (try clock("2027-01-01 00:00"), try clock("2027-03-31 23:00"))
    let seconds = try ["2027-01-12", "2027-02-09", "2027-03-09"].map { try clock("\($0) 02:00") }
    #expect(all(second, from: from, to: to) == seconds)
    let lasts = try ["2027-01-25", "2027-02-22", "2027-03-29"].map { try clock("\($0) 02:00") }
    #expect(all(last, from: from, to: to) == lasts)
    #expect(first.next(after: from) == (try clock("2027-01-01 02:00")))
    #expect(end.next(after: from) == (try clock("2027-12-31 02:00")))
    // A month that is shorter has the day on its last one.
    let leap = try makeSchedule { $0.yearly = rule(1, .years) { ($0.month, $0.day) = (2, 29) } }
    #expect(leap.next(after: from) == (try clock("2027-02-28 02:00")))
    #expect(leap.next(after: try clock("2028-01-01 00:00")) == (try clock("2028-02-29 02:00")))
  }

  @Test func `a day on which clocks are set has one copy, at a time that there is`() throws {
    let zone = "Europe/Berlin"
    let schedule = try makeSchedule(in: zone, at: 150) { $0.daily = rule(1, .days) }
    let spring = all(
      schedule,
      from: try clock("2027-03-27 00:00", in: zone),
      to: try clock("2027-03-29 23:00", in: zone)
    )
    // Half past two is not there on the 28th.
    #expect(
      spring == [
        try clock("2027-03-27 01:30"), try clock("2027-03-28 01:30"), try clock("2027-03-29 00:30"),
      ]
    )
    let autumn = all(
      schedule,
      from: try clock("2027-10-30 00:00", in: zone),
      to: try clock("2027-11-01 23:00", in: zone)
    )
    // It is there twice on the 31st, and the first is taken.
    #expect(
      autumn == [
        try clock("2027-10-30 00:30"), try clock("2027-10-31 00:30"), try clock("2027-11-01 01:30"),
      ]
    )
    // 23:00 there is another day by GMT.
    let west = try makeSchedule(in: "America/Los_Angeles", at: 1380) { $0.daily = rule(1, .days) }
    #expect(west.next(after: try clock("2027-07-01 12:00")) == (try clock("2027-07-02 06:00")))
  }

  @Test func `a set is old on the day the span says, at the same time by the site's clock`() throws
  {
    let zone = "Europe/Berlin"
    let schedule = try makeSchedule(in: zone) { $0.daily = rule(1, .days) }
    for (span, end) in [
      (RetentionPolicy.Span(1, .days), "2027-02-01 02:00"), (.init(2, .weeks), "2027-02-14 02:00"),
      (.init(1, .months), "2027-02-28 02:00"), (.init(6, .months), "2027-07-31 02:00"),
      (.init(10, .years), "2037-01-31 02:00"),
    ] {
      let expiry = schedule.expiry(of: span, from: try clock("2027-01-31 02:00", in: zone))
      #expect(expiry == (try clock(end, in: zone)), "\(span)")
    }
  }

  @Test func `a policy that is off, or names no day, has nothing due`() throws {
    let off = try makeSchedule {
      $0.daily = rule(1, .days)
      $0.isEnabled = false
    }
    let none = try makeSchedule { _ in }
    for schedule in [off, none] {
      #expect(schedule.next(after: try clock("2027-01-31 02:00")) == nil)
      #expect(
        schedule.due(
          after: try clock("2027-01-31 02:00"),
          upTo: try clock("2027-12-31 02:00")
        ) == nil
      )
    }
  }
}
