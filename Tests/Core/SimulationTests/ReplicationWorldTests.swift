// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Simulation
import Testing

struct ReplicationWorldTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `what is acknowledged survives every crash and the journal is in order`(
    seed: UInt64
  ) throws {
    var world = ReplicationWorld(seed: seed)
    try world.run(steps: 800)
    #expect(!world.journal.isEmpty)
  }

  @Test func `the seeds do meet crashes and gaps`() throws {
    var crashes = 0
    var gaps = 0
    for seed in 0..<50 as Range<UInt64> {
      var world = ReplicationWorld(seed: seed)
      try world.run(steps: 800)
      crashes += world.crashCount
      gaps += world.gapCount
    }
    #expect(crashes > 20)
    #expect(gaps > 20)
  }

  @Test func `a seed gives the same run twice`() throws {
    var first = ReplicationWorld(seed: 7)
    try first.run(steps: 1000)
    var second = ReplicationWorld(seed: 7)
    try second.run(steps: 1000)
    #expect(first.journal == second.journal)
  }
}
