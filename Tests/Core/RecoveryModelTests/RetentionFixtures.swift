// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

/// A wall time of a place, by Foundation, which knows calendars by itself.
func clock(
  _ text: String,
  in zone: String = "UTC"
) throws -> WallTime {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.timeZone = TimeZone(identifier: zone)
  format.dateFormat = "yyyy-MM-dd HH:mm"
  let date = try #require(format.date(from: text))
  return WallTime(milliseconds: Int64(date.timeIntervalSince1970) * 1000)
}

func makeSchedule(
  in zone: String = "UTC",
  at minute: Int = 120,
  _ change: (inout RetentionPolicy) -> Void
) throws -> RetentionSchedule {
  var policy = RetentionPolicy(isEnabled: true, repository: RepositoryIdentifier("r"))
  policy.minuteOfDay = minute
  change(&policy)
  let place = try #require(TimeZone(identifier: zone))
  return RetentionSchedule(policy) { seconds in
    place.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
  }
}

func rule(
  _ count: Int,
  _ unit: RetentionPolicy.Span.Unit,
  _ change: (inout RetentionPolicy.Rule) -> Void = { _ in }
) -> RetentionPolicy.Rule {
  var rule = RetentionPolicy.Rule(isEnabled: true, span: .init(count, unit))
  change(&rule)
  return rule
}
