// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@Suite struct TweakTests {
  @Test func `what is usual is allowed, and names differ also without their case`() {
    for tweak in Tweak.allCases { #expect(tweak.range.contains(tweak.usual), "\(tweak)") }
    let names = Set(Tweak.allCases.map { $0.rawValue.lowercased() })
    #expect(names.count == Tweak.allCases.count)
    #expect(Tweak(name: "SILENCEALERTINSECONDS") == .silenceAlert)
    #expect(Tweak(name: "t") == nil)
  }

  @Test func `a value that is not allowed any more is as if nobody had set it`() throws {
    let stored = #"{"settings": {"SilenceAlertInSeconds": {"value": 0, "comment": ""}}}"#
    let tweaks = try JSONDecoder().decode(Tweaks.self, from: Data(stored.utf8))
    #expect(tweaks[.silenceAlert] == nil)
    #expect(tweaks.value(of: .silenceAlert) == 3)
  }

  @Test func `a tweak of a newer manager is kept`() throws {
    let stored = #"{"settings":{"Later":{"comment":"","value":7}}}"#
    var tweaks = try JSONDecoder().decode(Tweaks.self, from: Data(stored.utf8))
    tweaks[.silenceAlert] = nil
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(tweaks), as: UTF8.self) == stored)
  }

  @Test func `rules about alerts go by the tweaks`() {
    var tweaks = Tweaks()
    tweaks[.checkpointGapAlert] = .init(value: 600, comment: "")
    tweaks[.rpoAlertCalm] = .init(value: 0, comment: "")
    tweaks[.journalAlertRelief] = .init(value: 50, comment: "")
    var facts = VPGAlertRules.Facts()
    facts.latestCheckpoint = WallTime(milliseconds: 0)
    facts.rpoExceededAt = WallTime(milliseconds: 99_000)
    facts.now = WallTime(milliseconds: 100_000)
    func kinds(_ tweaks: Tweaks) -> [AlertCondition.Kind] {
      VPGAlertRules(name: "web", vpg: VPGIdentifier("v"), tweaks: tweaks)
        .conditions(facts, raised: [.rpoExceeded]).map(\.kind)
    }
    #expect(kinds(Tweaks()) == [.rpoExceeded, .checkpointGap])
    #expect(kinds(tweaks) == [])
    var journal = JournalAlertRules.Facts()
    journal.warningByteCount = 100
    journal.usedByteCount = 60
    func journalKinds(_ tweaks: Tweaks) -> [AlertCondition.Kind] {
      JournalAlertRules(
        vm: "web1",
        stream: StreamIdentifier("s"),
        vpg: VPGIdentifier("v"),
        tweaks: tweaks
      ).conditions(journal, raised: [.journalSpaceLow]).map(\.kind)
    }
    #expect(journalKinds(Tweaks()) == [])
    #expect(journalKinds(tweaks) == [.journalSpaceLow])
    var rule = SilenceRule()
    #expect(rule.look(isAnswering: false, patience: 1) == true)
  }
}
