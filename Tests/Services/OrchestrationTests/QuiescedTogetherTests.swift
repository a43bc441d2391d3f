// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Store
import Testing

/// Application-consistent checkpoints of two VPGs that have the same VM.
@Suite struct QuiescedTogetherTests {
  @Test func `a guest of two VPGs is at rest for the checkpoint of each, one after the other`()
    async throws
  {
    let sites = try await TwoSites(hasRome: true)
    try await sites.run {
      let london = sites.londonSite
      let first = try await sites.protectedVPG()
      let vm = first.vms[0].identifier
      try await sites.pairRome()
      let far = sites.definitionToRome(vm, name: "far")
      try await sites.finished(try await london.create(far, user: "ann"), at: london)
      let vpgs = [first.identifier, far.identifier]
      try await eventually("both meet their SLA") {
        try await london.vpg(vpgs[1]).status == .meetingSLA
      }
      // Of those that a busy machine lets pass its limit, others are made.
      var missing = Set(vpgs)
      for attempt in 0..<20 where !missing.isEmpty {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for vpg in vpgs {
            group.addTask {
              let wish = VPGOperation.insertQuiescedCheckpoint(tag: "\(attempt)")
              let task = try await london.perform(wish, on: vpg, user: "ann")
              try await sites.finished(task, at: london)
            }
          }
          try await group.waitForAll()
        }
        for vpg in vpgs {
          let all = try await london.checkpoints(of: vpg, from: nil, to: nil)
          let made = try #require(all.last { $0.tag == "\(attempt)" })
          if made.isQuiesced { missing.remove(vpg) }
        }
        #expect(await sites.londonHypervisor.frozen.isEmpty)
      }
      #expect(missing.isEmpty)
      #expect(await sites.londonHypervisor.frozenTwice.isEmpty)
      let events = try await london.events(from: nil, to: nil, limit: 200).map(\.description)
      #expect(!events.contains { $0.contains("for another checkpoint") })
      #expect(try await london.context.store.frozenGuests().isEmpty)
    }
  }
}
