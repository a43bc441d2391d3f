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
    try await sites.run {
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
      try await body(sites, definition)
    }
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
      #expect(await sites.parisHypervisor.inventory().virtualMachines.isEmpty)
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
      let machines = await sites.parisHypervisor.inventory().virtualMachines
      #expect(machines.map(\.power) == [.running])
      #expect(try await sites.parisSite.vpg(vpg).status == .recovered)
    }
  }

  @Test func `after a commit the old VM can be kept, and is protected again`() async throws {
    try await withTwins(committed: true) { sites, definition in
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      try await resolve(sites, vpg, keeping: TwoSites.london, at: sites.londonSite)
      #expect(await sites.parisHypervisor.inventory().virtualMachines.isEmpty)
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

/// A manager whose store was put back to a day before its VPG was turned round.
@Suite struct ForgottenReversalTests {
  @Test(arguments: [TwoSites.london, TwoSites.paris])
  func `two sites that hold themselves for the protected one protect nothing until one is kept`(
    kept: SiteIdentifier
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let old = try await sites.protectedVPG()
      let (vpg, paris, london) = (old.identifier, sites.parisSite, sites.londonSite)
      await sites.parisAppliance.connect(to: sites.londonAppliance)
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      try await sites.finished(
        try await paris.perform(.move(.init(reverseProtection: true)), on: vpg, user: "ann"),
        at: paris
      )
      await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
      let commit = VPGOperation.moveCommit(reverseProtection: nil, keepsSourceVMs: nil)
      try await sites.finished(try await paris.perform(commit, on: vpg, user: "ann"), at: paris)
      try await eventually("turned") { try await paris.vpg(vpg).status == .meetingSLA }

      for stream in await sites.londonAppliance.journals.keys {
        try await sites.londonAppliance.endJournal(stream, keepsReplica: true)
      }
      _ = await sites.londonHypervisor.add("web1", disks: 2)
      try await london.context.vpgs.save(VPGRecord(definition: old))
      for site in [london, paris] {
        try await eventually("found") { try await site.vpg(vpg).splitBrain?.cause == .bothProtect }
        let view = try await site.vpg(vpg)
        #expect(view.status == .notMeetingSLA && view.substatus == .error)
      }
      let reversed = try await paris.vpg(vpg).definition
      let refusal = "Both sites of the VPG web hold themselves for the protected one."
      await #expect(throws: SiteError.conflict(refusal)) {
        _ = try await london.prepare(reversed, from: TwoSites.paris)
      }
      #expect(await sites.londonAppliance.journals.isEmpty)

      let task = try await london.perform(.resolve(keeping: kept), on: vpg, user: "ann")
      try await sites.finished(task, at: london)
      for site in [london, paris] {
        try await eventually("protected one way") {
          let view = try await site.vpg(vpg)
          return view.status == .meetingSLA && view.definition.protectedSite == kept
        }
      }
      let machines =
        await sites.londonHypervisor.inventory().virtualMachines.count
        + sites.parisHypervisor.inventory().virtualMachines.count
      #expect(machines == 1)
    }
  }
}
