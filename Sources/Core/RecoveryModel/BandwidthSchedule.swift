// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How many bytes per second a site's streams may take, by day and time of day.
package struct BandwidthSchedule: Codable, Hashable, Sendable {
  /// A limit of its own for some hours of some days.
  package struct Period: Codable, Hashable, Sendable {
    /// The days on which the period begins: 1 Monday … 7 Sunday.
    package var days: Set<Int>
    /// Minutes after midnight, 0..<1440, by the site's clock.
    package var from: Int
    /// Minutes after midnight, 1...1440; not after `from`, the period ends on the next day.
    package var to: Int
    /// Bytes per second; nil if there is no limit.
    package var limit: UInt64?

    package init(days: Set<Int>, from: Int, to: Int, limit: UInt64?) {
      self.days = days
      self.from = from
      self.to = to
      self.limit = limit
    }

    /// Whether days and times make sense.
    package var isValid: Bool {
      !days.isEmpty && days.allSatisfy((1...7).contains) && (0..<1440).contains(from)
        && (1...1440).contains(to) && limit != 0
    }

    func holds(at moment: Moment) -> Bool {
      let yesterday = moment.day == 1 ? 7 : moment.day - 1
      if from < to { return days.contains(moment.day) && (from..<to).contains(moment.minute) }
      return moment.minute >= from && days.contains(moment.day)
        || moment.minute < to && days.contains(yesterday)
    }
  }

  /// A minute of a week.
  package struct Moment: Hashable, Sendable {
    /// 1 Monday … 7 Sunday.
    package var day: Int
    /// Minutes after midnight.
    package var minute: Int

    package init(day: Int, minute: Int) {
      self.day = day
      self.minute = minute
    }

    /// The minute an instant is in where clocks are ahead of UTC by so many seconds.
    package init(_ time: WallTime, secondsFromGMT offset: Int) {
      func floored(_ number: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = (number % divisor + divisor) % divisor
        return ((number - remainder) / divisor, remainder)
      }
      let seconds = floored(time.milliseconds, by: 1000).quotient + Int64(offset)
      let (days, rest) = floored(seconds, by: 86_400)
      // 1970-01-01 was a Thursday.
      day = Int(floored(days + 3, by: 7).remainder) + 1
      minute = Int(rest / 60)
    }
  }

  /// Bytes per second outside all periods; nil if there is no limit.
  package var limit: UInt64?
  /// Where two overlap the first one holds.
  package var periods: [Period]

  package init(limit: UInt64? = nil, periods: [Period] = []) {
    self.limit = limit
    self.periods = periods
  }

  /// Whether the schedule can be kept: no limit is 0, days and times make sense.
  package var isValid: Bool { limit != 0 && periods.allSatisfy(\.isValid) }

  /// Bytes per second at a moment; nil if there is no limit.
  package func limit(at moment: Moment) -> UInt64? {
    guard let period = periods.first(where: { $0.holds(at: moment) }) else { return limit }
    return period.limit
  }
}
