// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// VPGs whose VMs are recovered at the site they are protected at.
@Suite struct OneSiteTests {
  private typealias Body =
    @Sendable (TwoSites, VPGDefinition, VMIdentifier) async throws -> Void

  /// London, paired with nobody, with a VM whose replicas are on its second datastore.
  private func withVPG(_ body: @escaping Body) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let wish = await sites.definitionWithinLondon()
      let create = try await sites.londonSite.create(wish, user: "ann")
      try await sites.finished(create, at: sites.londonSite)
      try await Self.isProtected(wish.identifier, at: sites.londonSite)
      let definition = try await sites.londonSite.vpg(wish.identifier).definition
      try await body(sites, definition, definition.vms[0].identifier)
    }
  }

  private static func isProtected(_ vpg: VPGIdentifier, at site: Site) async throws {
    try await eventually("the VPG meets its SLA") {
      try await site.vpg(vpg).status == .meetingSLA
    }
  }

  private func perform(
    _ operation: VPGOperation,
    _ definition: VPGDefinition,
    _ sites: TwoSites,
    state: TaskRecord.State = .completed
  ) async throws {
    let site = sites.londonSite
    let task = try await site.perform(operation, on: definition.identifier, user: "ann")
    try await sites.finished(task, at: site, state: state)
  }

  // MARK: Protecting

  @Test func `a VPG of one site meets its SLA, with its replicas on the other datastore`()
    async throws
  {
    try await withVPG { sites, definition, _ in
      let journals = await sites.londonAppliance.journals.values
      let paths = journals.flatMap(\.volumes).map(\.replicaPath)
      #expect(paths.count == 2 && paths.allSatisfy { $0.hasPrefix("/second/london/web1/") })
      let view = try await sites.londonSite.vpg(definition.identifier)
      #expect((view.protectedSiteName, view.recoverySiteName) == ("london", "london"))
      #expect(try await sites.londonSite.appliances().map(\.selfProtectedVPGs) == [1])
      #expect(view.latestCheckpoint != nil)
      // A tagged checkpoint is known to be safe.
      try await perform(.insertCheckpoint(tag: "before patch"), definition, sites)
      let tags = try await sites.londonSite.checkpoints(
        of: definition.identifier,
        from: nil,
        to: nil
      ).map(\.tag)
      #expect(tags.contains("before patch"))
      #expect(try await sites.londonSite.peerSites().isEmpty)
    }
  }

  @Test func `samples of its use have both of its sides`() async throws {
    try await withVPG { sites, definition, vm in
      try await sites.londonSite.sampler.sample()
      let store = sites.londonSite.context.store
      let samples = try await store.resourceSamples(SampleQuery(limit: 1000))
      let sample = try #require(samples.first { $0.vm == vm })
      #expect(sample.protected.siteName == "london" && sample.protected.hostName == "kvm1")
    }
  }

  @Test func `an edited VPG takes its new definition, and a deleted one leaves nothing`()
    async throws
  {
    try await withVPG { sites, definition, _ in
      var wish = definition
      wish.generation += 1
      wish.policy.rpoTargetInSeconds = 77
      try await perform(.update(wish), definition, sites)
      let now = try await sites.londonSite.vpg(definition.identifier).definition
      #expect(now.policy.rpoTargetInSeconds == 77 && now.generation == definition.generation + 1)
      try await perform(.delete(keepsRecoveryVolumes: false, force: false), definition, sites)
      #expect(await sites.londonAppliance.journals.isEmpty)
      #expect(await sites.londonAppliance.streamCount() == 0)
      #expect(try await sites.londonSite.vpgs().isEmpty)
    }
  }

  @Test func `a running VM's disk is made no replica`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      var wish = await sites.definitionWithinLondon()
      // The replica's own path, had by another VM that runs.
      let other = await sites.londonHypervisor.add("other", disks: 1)
      let short = wish.identifier.rawValue.prefix(8)
      let path = "/second/london/web1/\(short)-vd0.raw"
      await sites.londonHypervisor.setDisk(0, of: other, path: path)
      wish.name = "clash"
      let create = try await sites.londonSite.create(wish, user: "ann")
      let task = try await sites.finished(create, at: sites.londonSite, state: .failed)
      #expect(task.completeReason.contains("cannot become a replica"))
      #expect(try await sites.londonSite.vpgs().isEmpty)
      #expect(await sites.londonAppliance.journals.isEmpty)
    }
  }

  // MARK: Recovering

  @Test func `a tested VM runs beside the protected one with a name, UUID and MAC of its own`()
    async throws
  {
    try await withVPG { sites, definition, vm in
      try await perform(.failoverTest(.init()), definition, sites)
      let made = try #require(await sites.londonHypervisor.recovered.last)
      #expect(made.name == "web1 - testing recovery" && !vm.rawValue.hasSuffix(made.uuid))
      #expect(made.nics.allSatisfy { $0.macAddress != "52:54:00:00:00:01" })
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      #expect(try await sites.londonSite.vpg(definition.identifier).testStage == "Running")
      await #expect(throws: SiteError.self) {
        try await perform(.failover(.init()), definition, sites)
      }
      // Not even by force: the test holds a point of its journals.
      try await perform(
        .delete(keepsRecoveryVolumes: false, force: true),
        definition,
        sites,
        state: .failed
      )
      try await perform(.failoverTestStop(succeeded: true, summary: ""), definition, sites)
      #expect(await sites.londonHypervisor.machines.count == 1)
      try await Self.isProtected(definition.identifier, at: sites.londonSite)
      #expect(try await sites.londonSite.vpg(definition.identifier).lastTest != nil)
    }
  }

  @Test(arguments: [VPGOperation.ShutdownPolicy.none, .shutdown, .forceShutdown])
  func `a failover that is rolled back has the protected VM run again and be protected`(
    policy: VPGOperation.ShutdownPolicy
  ) async throws {
    try await withVPG { sites, definition, vm in
      try await perform(.failover(.init(shutdownPolicy: policy)), definition, sites)
      let made = try #require(await sites.londonHypervisor.recovered.last)
      #expect(made.name == "web1 - recovered")
      #expect(made.nics.allSatisfy { $0.macAddress != "52:54:00:00:00:01" })
      let power = await sites.londonHypervisor.virtualMachine(vm)?.power
      #expect(power == (policy == .none ? .running : .off))
      let view = try await sites.londonSite.vpg(definition.identifier)
      #expect(view.status == .failingOver && view.substatus == .failingOverBeforeCommit)
      await #expect(throws: SiteError.self) {
        try await perform(.delete(keepsRecoveryVolumes: false, force: true), definition, sites)
      }
      try await perform(.failoverRollback, definition, sites)
      #expect(await sites.londonHypervisor.machines.count == 1)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      try await Self.isProtected(definition.identifier, at: sites.londonSite)
    }
  }

  @Test func `a committed failover keeps both VMs, and its disks outlive the VPG`() async throws {
    try await withVPG { sites, definition, vm in
      let replicas = await sites.londonAppliance.journals.values.flatMap(\.volumes)
        .map(\.replicaPath)
      let wish = VPGOperation.Failover(shutdownPolicy: .forceShutdown)
      try await perform(.failover(wish), definition, sites)
      try await perform(.failoverCommit(reverseProtection: false), definition, sites)
      #expect(try await sites.londonSite.vpg(definition.identifier).status == .recovered)
      let machines = await sites.londonHypervisor.machines
      #expect(machines[vm]?.power == .off)
      let recovered = try #require(machines.values.first { $0.name == "web1 - recovered" })
      #expect(recovered.power == .running)
      #expect(recovered.disks.map(\.path).sorted() == replicas.sorted())
      try await perform(.delete(keepsRecoveryVolumes: false, force: false), definition, sites)
      #expect(await sites.londonAppliance.keptReplicas == [true])
      #expect(await sites.londonHypervisor.machines.count == 2)
    }
  }

  @Test(arguments: [true, false])
  func `a move within one site keeps the old VM's definition or not, as was wished`(
    keeps: Bool
  ) async throws {
    try await withVPG { sites, definition, vm in
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      try await perform(.move(.init(keepsSourceVMs: keeps)), definition, sites)
      let last = try #require(await sites.londonAppliance.lastMark)
      let points = await sites.londonAppliance.exports().map(\.request.point)
      #expect(points == [.checkpoint(last.identifier)])
      let commit = VPGOperation.moveCommit(reverseProtection: false, keepsSourceVMs: nil)
      try await perform(commit, definition, sites)
      #expect(await (sites.londonHypervisor.virtualMachine(vm) != nil) == keeps)
      #expect(try await sites.londonSite.vpg(definition.identifier).status == .recovered)
    }
  }

  @Test func `a moved VM is protected in reverse onto the disks it left, and comes back by name`()
    async throws
  {
    try await withVPG { sites, definition, vm in
      let left = try #require(await sites.londonHypervisor.virtualMachine(vm)).disks.map(\.path)
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      try await perform(.move(.init()), definition, sites)
      await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
      let commit = VPGOperation.moveCommit(reverseProtection: true, keepsSourceVMs: nil)
      try await perform(commit, definition, sites)
      try await Self.isProtected(definition.identifier, at: sites.londonSite)
      #expect(await sites.londonHypervisor.virtualMachine(vm) == nil)
      let now = try await sites.londonSite.vpg(definition.identifier).definition
      #expect(now.vms.map(\.name) == ["web1 - recovered"])
      let journals = await sites.londonAppliance.journals.values
      #expect(journals.flatMap(\.volumes).map(\.replicaPath).sorted() == left.sorted())
      try await perform(.failover(.init(shutdownPolicy: .forceShutdown)), now, sites)
      #expect(await sites.londonHypervisor.recovered.last?.name == "web1")
    }
  }

  // MARK: A manager that is started again

  @Test func `a manager started again rolls a failover back that an earlier one began`()
    async throws
  {
    let sites = try await TwoSites()
    let wish = await sites.definitionWithinLondon()
    let (vpg, vm) = (wish.identifier, wish.vms[0].identifier)
    try await sites.run {
      let create = try await sites.londonSite.create(wish, user: "ann")
      try await sites.finished(create, at: sites.londonSite)
      try await Self.isProtected(vpg, at: sites.londonSite)
      let failover = VPGOperation.failover(.init(shutdownPolicy: .forceShutdown))
      let task = try await sites.londonSite.perform(failover, on: vpg, user: "ann")
      try await sites.finished(task, at: sites.londonSite)
    }
    let again = try await sites.londonAgain()
    let run = Task { await again.run() }
    do {
      #expect(try await again.vpg(vpg).substatus == .failingOverBeforeCommit)
      let task = try await again.perform(.failoverRollback, on: vpg, user: "ann")
      try await sites.finished(task, at: again)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      #expect(await sites.londonHypervisor.machines.count == 1)
      try await Self.isProtected(vpg, at: again)
    } catch { Issue.record(error) }
    run.cancel()
    await run.value
  }
}
