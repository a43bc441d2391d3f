// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// When samples of resources are taken, and how long they are kept.
package struct SampleRules: Codable, Sendable, Equatable {
  package var intervalInSeconds: Int
  /// Days for which every sample is kept.
  package var wholeDays: Int
  /// Days for which the first sample of each day is kept.
  package var dailyDays: Int

  package init(intervalInSeconds: Int = 3600, wholeDays: Int = 90, dailyDays: Int = 365) {
    self.intervalInSeconds = intervalInSeconds
    self.wholeDays = wholeDays
    self.dailyDays = dailyDays
  }

  /// Whether every number can be meant.
  package var isValid: Bool {
    intervalInSeconds >= 1 && wholeDays >= 1 && dailyDays >= wholeDays
  }

  /// How long to wait until the next sample, after the latest one.
  ///
  /// A clock that was set back does not stop the sampling: nothing waits longer than an interval.
  package func wait(at now: WallTime, after latest: WallTime?) -> Double {
    guard let latest else { return 0 }
    let interval = Double(intervalInSeconds)
    return min(max(0, interval - now.seconds(since: latest)), interval)
  }

  /// Before this instant only one sample a day is kept.
  package func wholeUntil(_ now: WallTime) -> WallTime { Self.days(wholeDays, before: now) }

  /// Before this instant none is kept.
  package func end(_ now: WallTime) -> WallTime { Self.days(dailyDays, before: now) }

  private static func days(_ count: Int, before now: WallTime) -> WallTime {
    WallTime(milliseconds: now.milliseconds - Int64(count) * 86_400_000)
  }
}
