// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import Orchestration

struct RefusalReportTests {
  static func refusal(_ peer: String, at last: Int64, count: UInt64 = 1) -> LinkRefusal {
    LinkRefusal(
      cause: .fenced,
      peer: peer,
      reason: "because",
      count: count,
      last: WallTime(milliseconds: last)
    )
  }

  @Test func `each cause and peer is told at once and then once a minute`() {
    var report = RefusalReport(since: WallTime(milliseconds: 1000))
    func news(_ refusals: [LinkRefusal], at now: Int64) -> Int {
      report.news(refusals, at: WallTime(milliseconds: now)).count
    }
    #expect(news([Self.refusal("old", at: 1000)], at: 2000) == 0)
    #expect(news([Self.refusal("a", at: 2000)], at: 2001) == 1)
    #expect(news([Self.refusal("a", at: 2000)], at: 90_000) == 0)
    #expect(news([Self.refusal("a", at: 91_000), Self.refusal("b", at: 91_000)], at: 91_001) == 2)
    #expect(news([Self.refusal("a", at: 91_500, count: 7)], at: 92_000) == 0)
    // What was held back is told when its minute is over.
    #expect(news([Self.refusal("a", at: 91_500, count: 7)], at: 151_001) == 1)
    let text = report.news(
      [Self.refusal("c", at: 160_000, count: 3)],
      at: .init(milliseconds: 160_001)
    )
    #expect(text.first?.contains("c: because (3 so far)") == true)
  }
}
