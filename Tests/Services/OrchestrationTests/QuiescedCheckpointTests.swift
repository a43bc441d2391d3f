// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct QuiescedCheckpointTests {
  /// Inserts a tagged one and returns it as the recovery site lists it, with the event about it.
  private func insert(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier
  ) async throws -> (checkpoint: Checkpoint, event: EventRecord) {
    let task = try await sites.parisSite.perform(
      .insertQuiescedCheckpoint(tag: "before"),
      on: vpg,
      user: "ann"
    )
    try await sites.finished(task, at: sites.parisSite)
    let all = try await sites.londonSite.checkpoints(of: vpg, from: nil, to: nil)
    let event = try await sites.londonSite.events(from: nil, to: nil, limit: 100)
      .first { $0.kind == .insertTaggedCheckpoint }
    return (try #require(all.last { $0.tag == "before" }), try #require(event))
  }

  @Test func `guests are frozen when it is marked, thawed after it, and it says so`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0].identifier
      // A machine that is busy with other things may let the limit pass: then it says so.
      var (checkpoint, event) = try await insert(sites, definition.identifier)
      for _ in 0..<20 where !checkpoint.isQuiesced {
        (checkpoint, event) = try await insert(sites, definition.identifier)
      }
      #expect(checkpoint.isQuiesced)
      #expect(await sites.londonAppliance.guestsAtMark == [vm])
      #expect(await sites.londonHypervisor.frozen.isEmpty)
      #expect(event.succeeded && event.description.contains("application-consistent"))
      #expect(try await sites.londonSite.context.store.frozenGuests().isEmpty)
      let others = try await sites.parisSite
        .checkpoints(of: definition.identifier, from: nil, to: nil)
        .filter { $0.tag.isEmpty }
      #expect(!others.isEmpty && others.allSatisfy { !$0.isQuiesced })
    }
  }

  @Test(arguments: [
    (FakeHypervisor.Agent.isMissing, "No guest agent"), (.fails, "no answer in time"),
  ])
  func `a guest that does not freeze gets a crash-consistent one that says why`(
    agent: FakeHypervisor.Agent,
    words: String
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonHypervisor.setAgent(agent, of: definition.vms[0].identifier)
      let (checkpoint, event) = try await insert(sites, definition.identifier)
      #expect(!checkpoint.isQuiesced)
      #expect(!event.succeeded && event.description.contains("crash-consistent only"))
      #expect(event.description.contains("web1") && event.description.contains(words))
      #expect(await sites.londonHypervisor.frozen.isEmpty)
      #expect(try await sites.londonSite.context.store.frozenGuests().isEmpty)
    }
  }

  @Test func `a guest whose agent hangs is thawed after two seconds, and again when it answers`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0].identifier
      let hypervisor = sites.londonHypervisor
      await hypervisor.setAgent(.hangs, of: vm)
      async let inserted = insert(sites, definition.identifier)
      try await eventually("frozen") { await hypervisor.frozen == [vm] }
      try await eventually("thawed at the limit") { await hypervisor.frozen.isEmpty }
      await hypervisor.setAgent(.freezes, of: vm)
      let (checkpoint, event) = try await inserted
      #expect(!checkpoint.isQuiesced && event.description.contains("2 seconds"))
      #expect(await hypervisor.frozen.isEmpty)
    }
  }

  @Test func `streams that cannot be held while guests are frozen leave nobody frozen`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonAppliance.setHoldRefusal("busy with something else")
      let (checkpoint, event) = try await insert(sites, definition.identifier)
      #expect(!checkpoint.isQuiesced)
      #expect(event.description.contains("busy with something else"))
      #expect(await sites.londonHypervisor.frozen.isEmpty)
    }
  }

  @Test func `a guest that does not thaw is tried again until it does, and events say so`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0].identifier
      let site = sites.londonSite
      await sites.londonHypervisor.setAgent(.staysFrozen, of: vm)
      _ = try await insert(sites, definition.identifier)
      #expect(try await site.context.store.frozenGuests().map(\.vm) == [vm])
      func events(_ words: String) async throws -> Int {
        try await site.events(from: nil, to: nil, limit: 100)
          .filter { $0.description.contains(words) }.count
      }
      #expect(try await events("cannot be thawed") == 1)
      // No other one while it is so.
      let (second, event) = try await insert(sites, definition.identifier)
      #expect(!second.isQuiesced && event.description.contains("still frozen"))
      await sites.londonHypervisor.setAgent(.freezes, of: vm)
      try await eventually("thawed") { await sites.londonHypervisor.frozen.isEmpty }
      try await eventually("told") { try await events("are thawed") == 1 }
      try await eventually("crossed out") {
        try await site.context.store.frozenGuests().isEmpty
      }
      #expect(try await events("cannot be thawed") == 1)
    }
  }

  @Test func `a manager that was killed with guests frozen thaws them when it starts again`()
    async throws
  {
    let sites = try await TwoSites()
    let known = Box<VMIdentifier?>(nil)
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0].identifier
      known.value = vm
      // What is in the store and the guest in the moment of the kill.
      let written = Box<[FrozenGuestRecord]>([])
      let store = sites.londonSite.context.store
      await sites.londonHypervisor.setWhenFrozen {
        written.value = (try? await store.frozenGuests()) ?? []
      }
      _ = try await insert(sites, definition.identifier)
      #expect(written.value.map(\.vm) == [vm])
      for guest in written.value { try await store.save(guest) }
      try await sites.londonHypervisor.freezeFileSystems(of: vm, timeoutInSeconds: 2)
    }
    let vm = try #require(known.value)
    #expect(await sites.londonHypervisor.frozen == [vm])
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      defer { group.cancelAll() }
      try await eventually("thawed") { await sites.londonHypervisor.frozen.isEmpty }
      try await eventually("crossed out") {
        try await london.context.store.frozenGuests().isEmpty
      }
    }
  }

  @Test func `a VPG with a schedule makes them by itself, and changes keep it`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      var wish = definition
      wish.policy.quiescedIntervalInMinutes = 0
      wish.generation += 1
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(.update(wish), on: definition.identifier, user: "ann")
      }
      wish.policy.quiescedIntervalInMinutes = 1
      let task = try await sites.parisSite
        .perform(.update(wish), on: definition.identifier, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      for site in [sites.londonSite, sites.parisSite] {
        let policy = try await site.vpg(definition.identifier).definition.policy
        #expect(policy.quiescedIntervalInMinutes == 1)
      }
      try await eventually("a scheduled one", within: .seconds(90)) {
        try await sites.parisSite.checkpoints(of: definition.identifier, from: nil, to: nil)
          .contains { $0.isQuiesced && $0.tag.isEmpty }
      }
      try await eventually("thawed") { await sites.londonHypervisor.frozen.isEmpty }
    }
  }
}
