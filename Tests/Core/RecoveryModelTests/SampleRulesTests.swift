// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct SampleRulesTests {
  private let rules = SampleRules(intervalInSeconds: 60, wholeDays: 1, dailyDays: 2)
  private func time(_ seconds: Int64) -> WallTime { WallTime(milliseconds: seconds * 1000) }

  @Test func `the first sample is taken at once and the next after the interval`() {
    #expect(rules.wait(at: time(1000), after: nil) == 0)
    #expect(rules.wait(at: time(1000), after: time(980)) == 40)
    #expect(rules.wait(at: time(1000), after: time(900)) == 0)
  }

  @Test func `a clock that was set back delays no sample by more than the interval`() {
    #expect(rules.wait(at: time(1000), after: time(9000)) == 60)
  }

  @Test func `bounds are days back, and numbers that cannot be meant are refused`() {
    #expect(rules.wholeUntil(time(200_000)) == time(200_000 - 86_400))
    #expect(rules.end(time(200_000)) == time(200_000 - 172_800))
    #expect(rules.isValid && SampleRules().isValid)
    #expect(!SampleRules(intervalInSeconds: 0).isValid)
    #expect(!SampleRules(wholeDays: 10, dailyDays: 9).isValid)
  }
}
