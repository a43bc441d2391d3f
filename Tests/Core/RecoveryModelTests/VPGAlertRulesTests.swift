// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct VPGAlertRulesTests {
  private func kinds(
    raised: Set<AlertCondition.Kind> = [],
    _ change: (inout VPGAlertRules.Facts) -> Void
  ) -> [AlertCondition.Kind] {
    var facts = VPGAlertRules.Facts()
    facts.now = WallTime(milliseconds: 1_000_000)
    facts.rpoInSeconds = 5
    facts.latestCheckpoint = WallTime(milliseconds: 995_000)
    change(&facts)
    return VPGAlertRules(name: "web", vpg: VPGIdentifier("v")).conditions(facts, raised: raised)
      .map(\.kind)
  }

  @Test func `an RPO above its target is an alert, and at it is none`() {
    #expect(kinds { $0.rpoInSeconds = 300 } == [])
    #expect(kinds { $0.rpoInSeconds = 301 } == [.rpoExceeded])
    #expect(kinds { $0.rpoInSeconds = -1 } == [])
  }

  @Test func `an RPO that swings about its target is one alert, until it is calm for a minute`() {
    func after(_ seconds: Int64, _ raised: Set<AlertCondition.Kind>) -> [AlertCondition.Kind] {
      kinds(raised: raised) {
        $0.rpoExceededAt = WallTime(milliseconds: 1_000_000 - seconds * 1000)
      }
    }
    #expect(after(59, [.rpoExceeded]) == [.rpoExceeded])
    #expect(after(60, [.rpoExceeded]) == [])
    #expect(after(5, []) == [])
  }

  @Test func `a minute without a checkpoint is an alert, longer where they are rarer`() {
    let before = { WallTime(milliseconds: 1_000_000 - $0 * 1000) }
    #expect(kinds { $0.latestCheckpoint = before(59) } == [])
    #expect(kinds { $0.latestCheckpoint = before(60) } == [.checkpointGap])
    #expect(
      kinds {
        $0.latestCheckpoint = before(299)
        $0.checkpointIntervalInSeconds = 30
      } == []
    )
    #expect(
      kinds {
        $0.latestCheckpoint = before(300)
        $0.checkpointIntervalInSeconds = 30
      } == [.checkpointGap]
    )
    #expect(kinds { $0.latestCheckpoint = nil } == [])
  }

  @Test func `a VPG that never made a checkpoint has its gap from when the first was due`() {
    func gap(_ seconds: Int64) -> [AlertCondition.Kind] {
      kinds {
        $0.latestCheckpoint = nil
        $0.skippingSince = WallTime(milliseconds: 1_000_000 - seconds * 1000)
      }
    }
    #expect(gap(59) == [])
    #expect(gap(60) == [.checkpointGap])
  }

  @Test func `an alert of a gap says why`() {
    var facts = VPGAlertRules.Facts()
    facts.latestCheckpoint = WallTime(milliseconds: 0)
    facts.now = WallTime(milliseconds: 61_000)
    facts.skippingReason = "The VM a is not in sync."
    let found = VPGAlertRules(name: "web", vpg: VPGIdentifier("v")).conditions(facts, raised: [])
    #expect(
      found.map(\.description)
        == ["The VPG web has made no checkpoint for 61 seconds. The VM a is not in sync."]
    )
  }

  @Test func `a VPG that a person paused has no gap, but its RPO counts`() {
    #expect(
      kinds {
        $0.latestCheckpoint = WallTime(milliseconds: 0)
        $0.rpoInSeconds = 1000
        $0.isPaused = true
      } == [.rpoExceeded]
    )
  }

  @Test func `three silences in a row are a loss, and an answer ends it at once`() {
    var rule = SilenceRule()
    let looks = [true, false, false, true, false, false, false, false, true]
    #expect(
      looks.map { rule.look(isAnswering: $0) }
        == [false, nil, nil, false, nil, nil, true, true, false]
    )
  }

  @Test func `every kind of alert has one rule`() {
    #expect(AlertRule.table.map(\.kind) == AlertCondition.Kind.allCases)
  }
}
