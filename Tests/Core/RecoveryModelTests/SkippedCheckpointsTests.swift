// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct SkippedCheckpointsTests {
  private func second(_ number: Int64) -> WallTime { WallTime(milliseconds: number * 1000) }

  /// What is told of a history of reasons, one every `seconds`; nil is a checkpoint that is made.
  private func told(
    _ history: [String?],
    every seconds: Int64,
    _ skips: inout SkippedCheckpoints
  ) -> [String] {
    var told: [String] = []
    for (index, reason) in history.enumerated() {
      let time = second(Int64(index) * seconds)
      if let reason {
        if skips.skip(reason, at: time) { told.append(reason) }
      } else if let count = skips.make() {
        told.append("again after \(count)")
      }
    }
    return told
  }

  @Test func `the first of a row is told, and the end of the row`() {
    var skips = SkippedCheckpoints()
    let inRow = told([nil, "busy", "still busy"], every: 5, &skips)
    #expect(inRow == ["busy"])
    #expect(skips.reason == "still busy" && skips.since == second(5) && skips.countInARow == 2)
    let after = told([nil, nil], every: 5, &skips)
    #expect(after == ["again after 2"])
    #expect(skips.count == 2 && skips.countInARow == 0)
    #expect(skips.reason.isEmpty && skips.since == nil)
  }

  @Test func `rows that follow each other quickly are told once a minute`() {
    var skips = SkippedCheckpoints()
    let texts = told((0..<24).flatMap { _ in ["busy", nil] }, every: 5, &skips)
    #expect(texts.count == 8)
    #expect(skips.count == 24)
  }

  @Test func `a long row that began untold is told when a minute is over`() {
    var skips = SkippedCheckpoints()
    let texts = told(["one", nil, "two", "three", "four", nil], every: 15, &skips)
    #expect(texts == ["one", "again after 1", "four", "again after 3"])
  }

  @Test func `waiting for a sync is no skip, and its reason is known`() {
    var skips = SkippedCheckpoints()
    skips.wait("not in sync")
    #expect(skips.since == nil && skips.reason == "not in sync" && skips.count == 0)
    let texts = told([nil], every: 1, &skips)
    #expect(texts.isEmpty && skips.reason.isEmpty)
  }
}
