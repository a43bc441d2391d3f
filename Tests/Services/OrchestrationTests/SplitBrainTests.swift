// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// A protected site that was cut off while its VM was recovered at the other one comes back.
@Suite struct SplitBrainTests {
  /// Both sites with a VM at each, and the failover committed or not.
  private func withTwins(
    committed: Bool,
    _ body: @escaping @Sendable (TwoSites, VPGDefinition) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run { try await body(sites, try await twins(sites, committed: committed)) }
  }

  private func twins(_ sites: TwoSites, committed: Bool) async throws -> VPGDefinition {
    let definition = try await sites.protectedVPG()
    let (vpg, paris) = (definition.identifier, sites.parisSite)
    await sites.parisAppliance.connect(to: sites.londonAppliance)
    sites.switchboard.setCut(true)
    try await sites.finished(
      try await paris.perform(.failover(.init()), on: vpg, user: "ann"),
      at: paris
    )
    if committed {
      let commit = VPGOperation.failoverCommit(reverseProtection: false)
      try await sites.finished(try await paris.perform(commit, on: vpg, user: "ann"), at: paris)
    }
    #expect(try await paris.vpg(vpg).splitBrain == nil)
    sites.switchboard.setCut(false)
    for site in [sites.londonSite, paris] {
      try await eventually("the split brain is found") {
        try await site.vpg(vpg).splitBrain != nil
      }
    }
    return definition
  }

  private func resolve(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier,
    keeping site: SiteIdentifier,
    at asked: Site
  ) async throws {
    let task = try await asked.perform(.resolve(keeping: site), on: vpg, user: "ann")
    try await sites.finished(task, at: asked)
    for site in [sites.londonSite, sites.parisSite] {
      try await eventually("it is over") {
        // For a moment a site that gave its half up has none.
        (try? await site.vpg(vpg).splitBrain) == nil
      }
    }
  }

  @Test(arguments: [false, true])
  func `both sites show it, raise an alert and say what each choice loses`(
    isCommitted: Bool
  ) async throws {
    try await withTwins(committed: isCommitted) { sites, definition in
      for site in [sites.londonSite, sites.parisSite] {
        let view = try await site.vpg(definition.identifier)
        let found = try #require(view.splitBrain)
        #expect(found.cause == .bothRun([definition.vms[0].identifier]))
        #expect(found.parted != nil)
        #expect(found.choices.map(\.name) == ["london", "paris"])
        #expect(found.choices[0].consequence.hasPrefix("What web1 wrote at paris since the"))
        #expect(found.choices[1].consequence.hasPrefix("What web1 wrote at london since the"))
        #expect(view.substatus == (isCommitted ? .error : .failingOverBeforeCommit))
        try await eventually("the alert") {
          await site.alerts().contains { $0.condition.kind == .splitBrain }
        }
      }
    }
  }

  @Test func `a failover whose recovered VM is kept waits on for its commit, with one VM`()
    async throws
  {
    try await withTwins(committed: false) { sites, definition in
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      try await resolve(sites, vpg, keeping: TwoSites.paris, at: sites.londonSite)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .off)
      #expect(try await sites.parisSite.vpg(vpg).substatus == .failingOverBeforeCommit)
      try await eventually("the alert is over") {
        await sites.parisSite.alerts().allSatisfy { $0.condition.kind != .splitBrain }
      }
      let back = try await sites.parisSite.perform(.failoverRollback, on: vpg, user: "ann")
      try await sites.finished(back, at: sites.parisSite)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
    }
  }

  @Test func `a failover whose protected VM is kept is rolled back`() async throws {
    try await withTwins(committed: false) { sites, definition in
      let vpg = definition.identifier
      try await resolve(sites, vpg, keeping: TwoSites.london, at: sites.londonSite)
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      try await eventually("protected") {
        try await sites.londonSite.vpg(vpg).status == .meetingSLA
      }
    }
  }

  @Test func `after a commit the recovered VM can be kept, and the old one is shut down`()
    async throws
  {
    try await withTwins(committed: true) { sites, definition in
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      try await resolve(sites, vpg, keeping: TwoSites.paris, at: sites.parisSite)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .off)
      let machines = await sites.parisHypervisor.shown.virtualMachines
      #expect(machines.map(\.power) == [.running])
      #expect(try await sites.parisSite.vpg(vpg).status == .recovered)
    }
  }

  @Test func `after a commit the old VM can be kept, and is protected again`() async throws {
    try await withTwins(committed: true) { sites, definition in
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      try await resolve(sites, vpg, keeping: TwoSites.london, at: sites.londonSite)
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("protected") { try await site.vpg(vpg).status == .meetingSLA }
      }
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      let journals = await sites.parisAppliance.journals
      let now = try await sites.londonSite.vpg(vpg).definition.vms[0].stream
      #expect(Array(journals.keys) == [now])
      // What was known of the old stream says nothing of disks that went another way.
      #expect(now != definition.vms[0].stream)
    }
  }

  @Test(arguments: [Switchboard.Loss.request, .reply])
  func `giving up that is interrupted stays in sight, and is gone on with when it is asked for`(
    loss: Switchboard.Loss
  ) async throws {
    try await withTwins(committed: true) { sites, definition in
      let (vpg, london, paris) = (definition.identifier, sites.londonSite, sites.parisSite)
      sites.switchboard.lose(loss, of: .takeBack)
      let task = try await london.perform(.resolve(keeping: TwoSites.london), on: vpg, user: "ann")
      try await sites.finished(task, at: london, state: .failed)
      for site in [london, paris] {
        try await eventually("found") {
          try await site.vpg(vpg).splitBrain?.cause == .isBeingResolved
        }
        #expect(try await site.vpg(vpg).splitBrain?.choices.map(\.name) == ["london"])
      }
      // What was recovered is gone by then: there is no way back.
      await #expect(throws: SiteError.self) {
        try await london.perform(.resolve(keeping: TwoSites.paris), on: vpg, user: "ann")
      }
      // The site that took its VPG back is not sent away again by the other one's share.
      try await Task.sleep(for: .seconds(3))
      let record = await london.context.vpgs.record(vpg)
      #expect(record?.phase == (loss == .reply ? .protecting : .recovered))
      #expect(await paris.context.vpgs.record(vpg)?.definition.generation == 1)

      try await resolve(sites, vpg, keeping: TwoSites.london, at: london)
      for site in [london, paris] {
        try await eventually("protected") { try await site.vpg(vpg).status == .meetingSLA }
      }
    }
  }

  @Test(arguments: [Switchboard.Loss.request, .reply])
  func `a manager that was stopped while it gave up goes on when it is started again`(
    loss: Switchboard.Loss
  ) async throws {
    let sites = try await TwoSites()
    let run = Task { await sites.londonSite.run() }
    var parisRun = Task { await sites.parisSite.run() }
    let outcome: Result<Void, any Error>
    do {
      let vpg = try await twins(sites, committed: true).identifier
      sites.switchboard.lose(loss, of: .takeBack)
      let keep = VPGOperation.resolve(keeping: TwoSites.london)
      let task = try await sites.parisSite.perform(keep, on: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite, state: .failed)
      parisRun.cancel()
      await parisRun.value
      let paris = try await sites.parisAgain()
      // Once more: the other site may be away for a while.
      sites.switchboard.lose(.request, of: .takeBack)
      parisRun = Task { await paris.run() }
      for site in [sites.londonSite, paris] {
        try await eventually("protected") {
          let view = try? await site.vpg(vpg)
          return view?.status == .meetingSLA && view?.splitBrain == nil
        }
      }
      try await eventually("the task ends") {
        try await paris.tasks().allSatisfy(\.state.isFinal)
      }
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      outcome = .success(())
    } catch { outcome = .failure(error) }
    for run in [parisRun, run] {
      run.cancel()
      await run.value
    }
    try outcome.get()
  }

  @Test func `a site whose hypervisor does not answer goes on telling what it knows`() async throws
  {
    try await withTwins(committed: true) { sites, definition in
      let (vpg, london, paris) = (definition.identifier, sites.londonSite, sites.parisSite)
      await sites.londonHypervisor.setHanging(true)
      let state = Task { try await london.state(for: TwoSites.paris) }
      let limit = Task {
        try await Task.sleep(for: .seconds(5))
        state.cancel()
      }
      let shares = try await state.value.vpgs
      // A site that takes longer counts as dead, and a failover goes on without it.
      #expect(!state.isCancelled)
      limit.cancel()
      #expect(shares.map(\.running) == [[definition.vms[0].identifier]])

      // Also from the moment it is heard again, when all about it is asked for.
      sites.switchboard.setCut(true)
      try await eventually("silent") { await !paris.context.peers.isConnected(TwoSites.london) }
      sites.switchboard.setCut(false)
      try await eventually("heard") { await paris.context.peers.isConnected(TwoSites.london) }
      try await london.context.vpgs.update(vpg) { $0.isPaused = true }
      try await eventually("heard again") {
        await paris.context.peers.share(of: vpg, at: TwoSites.london)?.isPaused == true
      }
      await sites.londonHypervisor.setHanging(false)
    }
  }

  @Test func `without a split brain there is nothing to resolve`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      for keep in [TwoSites.london, TwoSites.paris, SiteIdentifier("elsewhere")] {
        await #expect(throws: SiteError.self) {
          try await sites.londonSite.perform(.resolve(keeping: keep), on: vpg, user: "ann")
        }
      }
      #expect(try await sites.parisSite.vpg(vpg).status == .meetingSLA)
    }
  }
}
