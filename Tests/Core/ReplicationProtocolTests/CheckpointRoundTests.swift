// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct CheckpointRoundTests {
  private let one = ApplianceIdentifier("one")
  private let two = ApplianceIdentifier("two")

  @Test func `marks are kept once everybody holds, and not before`() {
    var round = CheckpointRound(over: [one, two], now: 0, limit: 100)
    #expect(round.firstActions == [.hold(one), .hold(two)])
    let early = round.held(one, now: 5) + round.held(one, now: 6)
    #expect(early.isEmpty)
    let all = round.held(two, now: 7)
    #expect(all == [.release(one, keepsMark: true), .release(two, keepsMark: true)])
    let half = round.released(one, isMarked: true) + round.released(one, isMarked: true)
    #expect(half.isEmpty)
    let end = round.released(two, isMarked: true)
    #expect(end == [.finish(.made)])
  }

  @Test func `an appliance that refuses, is lost or is late frees all others without a mark`() {
    let freed: [CheckpointRound.Action] = [
      .release(one, keepsMark: false), .release(two, keepsMark: false),
    ]
    var refused = CheckpointRound(over: [one, two], now: 0, limit: 100)
    _ = refused.held(one, now: 5)
    let byRefusal = refused.refused(two)
    #expect(byRefusal == freed + [.finish(.skipped(.refused(two)))])

    var lost = CheckpointRound(over: [one, two], now: 0, limit: 100)
    let byLoss = lost.lost(two)
    #expect(byLoss == freed + [.finish(.skipped(.lost(two)))])

    var late = CheckpointRound(over: [one, two], now: 0, limit: 100)
    _ = late.held(one, now: 5)
    let before = late.tick(now: 99)
    #expect(before.isEmpty)
    let byLimit = late.tick(now: 100)
    #expect(byLimit == freed + [.finish(.skipped(.limit))])
    let after = late.held(two, now: 101)
    #expect(after.isEmpty)
  }

  @Test func `a hold that ended early, or an answer that never comes, is no checkpoint`() {
    var ended = CheckpointRound(over: [one, two], now: 0, limit: 100)
    _ = ended.held(one, now: 1)
    _ = ended.held(two, now: 2)
    _ = ended.released(one, isMarked: false)
    let end = ended.released(two, isMarked: true)
    #expect(end == [.finish(.skipped(.refused(one)))])

    var silent = CheckpointRound(over: [one, two], now: 0, limit: 100)
    _ = silent.held(one, now: 1)
    _ = silent.held(two, now: 2)
    _ = silent.released(one, isMarked: true)
    let end2 = silent.lost(two)
    #expect(end2 == [.finish(.skipped(.lost(two)))])
  }
}

struct DependentWriteTests {
  @Test func `no checkpoint holds a write without the one it depends on`() {
    var offered = 0
    for seed in 0..<2_000 as Range<UInt64> {
      var world = DependentWorld(seed: seed)
      for _ in 0..<1_500 { world.step() }
      offered += world.check()
      #expect(world.violations == [], "seed \(seed)")
    }
    // The rounds end well often enough for the check to mean something.
    #expect(offered > 800)
  }
}
