// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// VMs that are recovered on another host from now on, at a site of two hosts with one storage.
struct RelocationTests {
  private static let first = ApplianceIdentifier("vra-paris")

  /// A protected VPG whose journals are on the storage of both hosts.
  private static func movableVPG(_ sites: TwoSites) async throws -> VPGDefinition {
    try await sites.protectedVPG {
      $0.journal.datastore = sites.parisHypervisor.datastore
      $0.journal.hardLimitInMB = 4096
      $0.journal.warningThresholdInMB = 2048
    }
  }

  /// Both sites' definition, once they agree and the VPG is well.
  private static func settled(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier,
    paris: Site? = nil
  ) async throws -> VPGDefinition {
    let paris = paris ?? sites.parisSite
    try await eventually("the sites agree and the VPG meets its SLA") {
      let london = try await sites.londonSite.vpg(vpg)
      let here = await paris.context.vpgs.record(vpg)
      return london.definition == here?.definition && here?.pending == nil
        && london.status == .meetingSLA
    }
    return try await sites.londonSite.vpg(vpg).definition
  }

  /// The hosts whose appliance has the stream's journal.
  private static func holders(
    _ sites: TwoSites,
    _ stream: StreamIdentifier
  ) async -> [HostIdentifier] {
    var found: [HostIdentifier] = []
    if await sites.parisAppliance.journals[stream] != nil {
      found.append(sites.parisHypervisor.host)
    }
    if await sites.parisSecondAppliance.journals[stream] != nil {
      found.append(sites.parisSecondHypervisor.host)
    }
    return found
  }

  @Test func `another appliance takes a VM's journal over, and its stream goes on without a sync`()
    async throws
  {
    let sites = try await TwoSites(parisHasSecondHost: true)
    try await sites.run {
      let before = try await Self.movableVPG(sites)
      let (vm, host) = (before.vms[0], sites.parisSecondHypervisor.host)
      let tagged = try await sites.londonSite.perform(
        .insertCheckpoint(tag: "before"),
        on: before.identifier,
        user: "ann"
      )
      try await sites.finished(tagged, at: sites.londonSite)
      let syncs = await sites.londonAppliance.syncCount
      let task = try await sites.parisSite.relocate(
        [vm.identifier: host],
        from: Self.first,
        user: "ann"
      )
      try await sites.finished(task, at: sites.parisSite)
      let after = try await Self.settled(sites, before.identifier)
      #expect(after.vms[0].stream == vm.stream)
      #expect(after.recoveryHost(of: after.vms[0]) == host)
      // All of the VPG is there, so what is new to it comes there too.
      #expect(after.recovery.host == host)
      #expect(after.journal.datastore == sites.parisSecondHypervisor.datastore)
      #expect(after.journalLimits(of: after.vms[0]).hardLimitInMB == 4096)
      #expect(await Self.holders(sites, vm.stream) == [host])
      let points = try await sites.parisSite.checkpoints(of: before.identifier, from: nil, to: nil)
      #expect(points.map(\.tag).contains("before"))
      try await eventually("the stream goes to the other appliance") {
        await sites.londonAppliance.ports() == [3]
      }
      #expect(await sites.londonAppliance.syncCount == syncs)
    }
  }

  @Test func `a journal that the other appliance cannot have comes back, and nothing has changed`()
    async throws
  {
    let sites = try await TwoSites(parisHasSecondHost: true)
    try await sites.run {
      let before = try await Self.movableVPG(sites)
      await sites.parisSecondAppliance.setTakeOverRefusal("that is other storage")
      let task = try await sites.parisSite.relocate(
        [before.vms[0].identifier: sites.parisSecondHypervisor.host],
        from: Self.first,
        user: "ann"
      )
      let record = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(record.completeReason.contains("that is other storage"))
      #expect(try await Self.settled(sites, before.identifier) == before)
      #expect(await Self.holders(sites, before.vms[0].stream) == [sites.parisHypervisor.host])
    }
  }

  @Test func `what can leave an appliance leaves it, and what cannot is said by name`() async throws
  {
    let sites = try await TwoSites(parisHasSecondHost: true)
    try await sites.run {
      let first = try await Self.movableVPG(sites)
      let other = sites.definition(
        await sites.londonHypervisor.add("app1", disks: 1),
        name: "app"
      )
      try await sites.finished(
        try await sites.londonSite.create(other, user: "ann"),
        at: sites.londonSite
      )
      let task = try await sites.parisSite.relocate(nil, from: Self.first, user: "ann")
      let record = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(record.completeReason.contains("app1 of app"))
      #expect(record.completeReason.contains("only a journal on a datastore can be taken over"))
      #expect(!record.completeReason.contains("web1"))
      let host = sites.parisSecondHypervisor.host
      #expect(await Self.holders(sites, first.vms[0].stream) == [host])
      await #expect(throws: SiteError.self) {
        _ = try await sites.parisSite.relocate(nil, from: Self.first, user: "ann")
      }
    }
  }

  @Test func `a recovery host is also changed by the VPG's settings, with its datastores`()
    async throws
  {
    let sites = try await TwoSites(parisHasSecondHost: true)
    try await sites.run {
      let before = try await Self.movableVPG(sites)
      let second = sites.parisSecondHypervisor
      var wish = before
      wish.generation += 1
      wish.recovery.host = second.host
      let half = wish
      await #expect(throws: SiteError.self) {
        _ = try await sites.londonSite.perform(
          .update(half),
          on: before.identifier,
          user: "ann"
        )
      }
      wish.recovery.datastore = second.datastore
      wish.journal.datastore = second.datastore
      let task = try await sites.londonSite.perform(
        .update(wish),
        on: before.identifier,
        user: "ann"
      )
      try await sites.finished(task, at: sites.londonSite)
      #expect(await Self.holders(sites, before.vms[0].stream) == [second.host])
    }
  }

  @Test(arguments: ["vpg", "workflow"], [1, 2, 3])
  func `a manager that is killed on the way leaves one appliance with the journal, and it goes on`(
    table: String,
    record: Int
  ) async throws {
    for keepsRecord in [true, false] {
      let sites = try await TwoSites(parisHasSecondHost: true)
      let known = Box<VPGDefinition?>(nil)
      let run = Task { await sites.parisSite.run() }
      let london = Task { await sites.londonSite.run() }
      let before = try await Self.movableVPG(sites)
      known.value = before
      sites.parisStore.killManager(atRecord: record, keepsRecord: keepsRecord, of: table)
      _ = try? await sites.parisSite.relocate(
        [before.vms[0].identifier: sites.parisSecondHypervisor.host],
        from: Self.first,
        user: "ann"
      )
      // A change of a VPG is two records: what is begun, and what is done.
      if table == "workflow" || record < 3 {
        try await eventually("the manager is dead") { sites.parisStore.isDead }
      }
      run.cancel()
      await run.value
      let paris = try await sites.parisAgain()
      let again = Task { await paris.run() }
      try await eventually("all is done") {
        try await paris.tasks().allSatisfy { $0.state.isFinal }
      }
      let after = try await Self.settled(sites, before.identifier, paris: paris)
      let host = try #require(after.recoveryHost(of: after.vms[0]))
      #expect(await Self.holders(sites, before.vms[0].stream) == [host])
      if table == "workflow", record > 1 {
        #expect(host == sites.parisSecondHypervisor.host)
      }
      for task in [again, london] { task.cancel() }
      await again.value
      await london.value
    }
  }
}
