// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct ScratchRulesTests {
  private let rules = ScratchRules(
    vm: "web1",
    stream: StreamIdentifier("s"),
    vpg: VPGIdentifier("v")
  )

  private static func facts(_ megabytes: UInt64, isTest: Bool = true) -> ScratchRules.Facts {
    var facts = ScratchRules.Facts()
    facts.usedByteCount = megabytes << 20
    facts.warningByteCount = 100 << 20
    facts.hardLimitByteCount = 200 << 20
    facts.isTest = isTest
    return facts
  }

  @Test func `a test warns at its threshold, and is paused at its limit`() {
    #expect(rules.conditions(Self.facts(99)).isEmpty)
    #expect(rules.conditions(Self.facts(100)).map(\.kind) == [.journalSpaceLow])
    #expect(!Self.facts(199).callsForPause)
    let at = rules.conditions(Self.facts(200))
    #expect(at.map(\.kind) == [.journalLimitReached] && Self.facts(200).callsForPause)
    #expect(
      at.first?.description
        == "The scratch space of the test of the VM web1 takes 200 MB, and its limit is 200 MB. "
        + "The VM is paused; stop the test."
    )
  }

  @Test func `a failed-over VM is at work, so it is told of and never paused`() {
    let facts = Self.facts(5000, isTest: false)
    #expect(rules.conditions(facts).map(\.kind) == [.journalLimitReached])
    #expect(!facts.callsForPause)
  }

  @Test func `without limits there is nothing to say`() {
    var facts = Self.facts(5000)
    (facts.warningByteCount, facts.hardLimitByteCount) = (nil, nil)
    #expect(rules.conditions(facts).isEmpty && !facts.callsForPause)
  }
}
