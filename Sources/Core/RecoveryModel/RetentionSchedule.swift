// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A policy by a site's clock: when copies are due, and until when they are kept.
package struct RetentionSchedule: Sendable {
  package let policy: RetentionPolicy
  /// Seconds that the site's clock is ahead of GMT, at a time in seconds since 1970.
  private let offset: @Sendable (Int) -> Int

  package init(_ policy: RetentionPolicy, offset: @escaping @Sendable (Int) -> Int) {
    self.policy = policy
    self.offset = offset
  }

  /// A copy that is due.
  package struct Due: Sendable, Equatable {
    package var time: WallTime
    /// For how long: the longest of what it stands for.
    package var span: RetentionPolicy.Span
    /// Earlier ones that were not made, and for which it stands as well.
    package var missed: Int
  }

  /// How many days back something can still be due.
  private static let reach = 366

  /// The latest time after `earlier` and up to `now` at which a copy was due.
  ///
  /// Whoever was away makes one copy, and not all that are missing.
  package func due(after earlier: WallTime, upTo now: WallTime) -> Due? {
    let last = date(at: now).dayNumber
    let first = max(date(at: earlier).dayNumber, last - Self.reach)
    guard first <= last else { return nil }
    var due: Due?
    for number in first...last {
      let day = CivilDate(dayNumber: number)
      let time = time(on: day)
      guard time > earlier, time <= now, let span = span(on: day) else { continue }
      due = Due(
        time: time,
        span: due.map { longer($0.span, span, from: now) } ?? span,
        missed: due.map { $0.missed + 1 } ?? 0
      )
    }
    return due
  }

  /// When the next copy is due; nil if none ever is.
  package func next(after now: WallTime) -> WallTime? {
    let first = date(at: now).dayNumber
    for number in first...(first + Self.reach + 1) {
      let day = CivilDate(dayNumber: number)
      let time = time(on: day)
      if time > now, span(on: day) != nil { return time }
    }
    return nil
  }

  /// When a set is old that is made at a time.
  package func expiry(of span: RetentionPolicy.Span, from time: WallTime) -> WallTime {
    let seconds = local(time)
    let day = CivilDate(dayNumber: Self.day(seconds))
    let end: CivilDate =
      switch span.unit {
      case .days: CivilDate(dayNumber: day.dayNumber + span.count)
      case .weeks: CivilDate(dayNumber: day.dayNumber + span.count * 7)
      case .months: day.adding(months: span.count)
      case .years: day.adding(months: span.count * 12)
      }
    return instant(end.dayNumber * 86_400 + seconds - day.dayNumber * 86_400)
  }

  /// The longer of two spans, from a time on.
  package func longer(
    _ one: RetentionPolicy.Span,
    _ other: RetentionPolicy.Span,
    from time: WallTime
  ) -> RetentionPolicy.Span {
    expiry(of: one, from: time) >= expiry(of: other, from: time) ? one : other
  }

  // MARK: Days

  /// How long a copy of the day is kept; nil if none is due.
  private func span(on day: CivilDate) -> RetentionPolicy.Span? {
    guard policy.isEnabled else { return nil }
    let rules = [
      (policy.daily, true),
      (policy.weekly, policy.weekly.weekday == day.weekday),
      (policy.monthly, Self.isMonthly(day, policy.monthly)),
      (policy.yearly, Self.isYearly(day, policy.yearly)),
    ]
    let start = time(on: day)
    return rules.reduce(nil) { longest, entry in
      guard entry.1, entry.0.isEnabled, let span = entry.0.span else { return longest }
      return longest.map { longer($0, span, from: start) } ?? span
    }
  }

  private static func isMonthly(_ day: CivilDate, _ rule: RetentionPolicy.Rule) -> Bool {
    if let wanted = rule.day { return day.day == min(wanted, day.daysInMonth) }
    guard day.weekday == rule.weekday, let week = rule.week else { return false }
    if week == RetentionPolicy.Rule.lastWeek { return day.day + 7 > day.daysInMonth }
    return (day.day - 1) / 7 + 1 == week
  }

  private static func isYearly(_ day: CivilDate, _ rule: RetentionPolicy.Rule) -> Bool {
    if let month = rule.month {
      return day.month == month && isMonthly(day, RetentionPolicy.Rule(day: rule.day ?? 1))
    }
    guard day.weekday == rule.weekday, let week = rule.week else { return false }
    if week == RetentionPolicy.Rule.lastWeek { return day.month == 12 && day.day > 24 }
    return day.month == 1 && day.day <= 7
  }

  // MARK: The site's clock

  private func time(on day: CivilDate) -> WallTime {
    instant(day.dayNumber * 86_400 + (policy.minuteOfDay ?? 0) * 60)
  }

  private func date(at time: WallTime) -> CivilDate {
    CivilDate(dayNumber: Self.day(local(time)))
  }

  private static func day(_ seconds: Int) -> Int { max(0, seconds) / 86_400 }

  /// What the site's clock shows, in seconds since 1970 as it counts them.
  private func local(_ time: WallTime) -> Int {
    let seconds = Int(time.milliseconds / 1000)
    return seconds + offset(seconds)
  }

  /// When the site's clock shows a time.
  ///
  /// The first time that it does, where it is set back; and what it skips comes as much later as it
  /// is set forward: each day has each time once.
  private func instant(_ local: Int) -> WallTime {
    let before = local - offset(local - 86_400)
    let after = local - offset(local + 86_400)
    let found = before + offset(before) != local && after + offset(after) == local
    return WallTime(milliseconds: Int64(found ? after : before) * 1000)
  }
}

extension RetentionPolicy.Rule {
  fileprivate init(day: Int) {
    self.init()
    self.day = day
  }
}
