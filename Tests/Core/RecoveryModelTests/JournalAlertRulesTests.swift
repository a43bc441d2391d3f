// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct JournalAlertRulesTests {
  private let rules = JournalAlertRules(
    vm: "web1",
    stream: StreamIdentifier("s"),
    vpg: VPGIdentifier("v")
  )

  private static func facts(_ change: (inout JournalAlertRules.Facts) -> Void)
    -> JournalAlertRules.Facts
  {
    var facts = JournalAlertRules.Facts()
    facts.usedByteCount = 50 << 20
    facts.hardLimitByteCount = 200 << 20
    facts.warningByteCount = 100 << 20
    facts.wantedSeconds = 86_400
    change(&facts)
    return facts
  }

  @Test func `a journal with room and all of its history is no matter`() {
    #expect(rules.conditions(Self.facts { _ in }, raised: []).isEmpty)
  }

  @Test func `the threshold warns, and the warning stays until it is clearly passed again`() {
    let at = Self.facts { $0.usedByteCount = 100 << 20 }
    let below = Self.facts { $0.usedByteCount = 99 << 20 }
    let clear = Self.facts { $0.usedByteCount = 94 << 20 }
    #expect(rules.conditions(at, raised: []).map(\.kind) == [.journalSpaceLow])
    #expect(rules.conditions(below, raised: []).isEmpty)
    #expect(rules.conditions(below, raised: [.journalSpaceLow]).map(\.kind) == [.journalSpaceLow])
    #expect(rules.conditions(clear, raised: [.journalSpaceLow]).isEmpty)
  }

  @Test func `a history cut by the limit says what is left of it`() throws {
    let found = rules.conditions(Self.facts { $0.keptSeconds = 1800 }, raised: [])
    let alert = try #require(found.first)
    #expect(found.count == 1 && alert.kind == .journalLimitReached)
    #expect(
      alert.description
        == "The journal of the VM web1 has reached its limit of 200 MB: "
        + "its history is 30 minutes instead of 24 hours."
    )
  }

  @Test func `a full disk is one alert, not three`() {
    let facts = Self.facts {
      $0.isDiskShort = true
      $0.keptSeconds = 60
      $0.lastError = "there is no room left for 7.segment"
    }
    #expect(rules.conditions(facts, raised: []).map(\.kind) == [.journalDiskFull])
  }

  @Test func `a move that failed is an alert, unless there is something worse`() {
    let facts = Self.facts { $0.moveFailure = "there is no room left" }
    let found = rules.conditions(facts, raised: [])
    #expect(found.map(\.kind) == [.journalError])
    #expect(
      found.first?.description.contains(
        "could not be moved with its replicas: there is no room left"
      ) == true
    )
    let worse = Self.facts {
      $0.moveFailure = "there is no room left"
      $0.lastError = "input/output error"
    }
    #expect(rules.conditions(worse, raised: []).count == 1)
  }

  @Test func `damage is one alert, with what can be done about it`() {
    let facts = Self.facts {
      $0.damage = "one record on its disk"
      $0.lastError = "the journal is damaged: file 1.journal, byte 4096"
    }
    let found = rules.conditions(facts, raised: [])
    #expect(found.map(\.kind) == [.journalError])
    #expect(found.first?.description.contains("is damaged: one record on its disk") == true)
  }

  @Test func `an error of the journal is said in its words`() {
    let found = rules.conditions(Self.facts { $0.lastError = "it is gone" }, raised: [])
    #expect(found.map(\.kind) == [.journalError])
    #expect(found.first?.description.contains("it is gone") == true)
  }
}
