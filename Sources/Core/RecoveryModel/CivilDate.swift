// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A day of the calendar that is used everywhere.
package struct CivilDate: Hashable, Sendable {
  package var year: Int
  /// 1...12.
  package var month: Int
  /// 1...31.
  package var day: Int

  package init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// The day that many days after 1 January 1970; days before it count as that one.
  package init(dayNumber: Int) {
    let number = max(0, dayNumber)
    var year = 1970 + number / 366
    while Self.days(before: year + 1) <= number { year += 1 }
    var rest = number - Self.days(before: year)
    var month = 1
    while rest >= Self.days(in: month, of: year) {
      rest -= Self.days(in: month, of: year)
      month += 1
    }
    self.init(year: year, month: month, day: rest + 1)
  }

  /// Days since 1 January 1970.
  package var dayNumber: Int {
    let before = (1..<month).reduce(0) { $0 + Self.days(in: $1, of: year) }
    return Self.days(before: year) + before + day - 1
  }

  /// 0 Sunday … 6 Saturday: 1 January 1970 was a Thursday.
  package var weekday: Int { (dayNumber + 4) % 7 }

  package var daysInMonth: Int { Self.days(in: month, of: year) }

  /// The same day that many months later, or the last one of that month.
  package func adding(months: Int) -> CivilDate {
    let number = year * 12 + month - 1 + months
    var date = CivilDate(year: number / 12, month: number % 12 + 1, day: 1)
    date.day = min(day, date.daysInMonth)
    return date
  }

  package static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  package static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970 to the year.
  private static func days(before year: Int) -> Int {
    func leaps(_ year: Int) -> Int { year / 4 - year / 100 + year / 400 }
    return (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
  }
}
