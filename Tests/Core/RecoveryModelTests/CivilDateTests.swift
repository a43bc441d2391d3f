// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@Suite struct CivilDateTests {
  @Test func `every day of two centuries is the one that Foundation says`() throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    for number in stride(from: 0, through: 73_000, by: 7) {
      let day = CivilDate(dayNumber: number)
      let date = Date(timeIntervalSince1970: Double(number) * 86_400)
      let parts = calendar.dateComponents([.year, .month, .day, .weekday], from: date)
      #expect(parts.year == day.year && parts.month == day.month && parts.day == day.day)
      #expect(parts.weekday == day.weekday + 1)
      #expect(day.dayNumber == number)
    }
  }

  @Test(arguments: [
    (CivilDate(year: 2027, month: 1, day: 31), 1, CivilDate(year: 2027, month: 2, day: 28)),
    (CivilDate(year: 2028, month: 1, day: 31), 1, CivilDate(year: 2028, month: 2, day: 29)),
    (CivilDate(year: 2028, month: 2, day: 29), 12, CivilDate(year: 2029, month: 2, day: 28)),
    (CivilDate(year: 2027, month: 11, day: 30), 2, CivilDate(year: 2028, month: 1, day: 30)),
  ])
  func `a month later is the same day, or the month's last`(
    day: CivilDate,
    months: Int,
    later: CivilDate
  ) { #expect(day.adding(months: months) == later) }
}
