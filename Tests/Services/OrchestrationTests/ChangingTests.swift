// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// Changing a VPG that is protected.
@Suite struct ChangingTests {
  /// The definition that both sites have, once they agree.
  private static func agreed(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier
  ) async throws -> VPGDefinition {
    try await eventually("the sites agree") {
      let london = try await sites.londonSite.vpg(vpg).definition
      let paris = try await sites.parisSite.vpg(vpg).definition
      return london == paris
    }
    return try await sites.londonSite.vpg(vpg).definition
  }

  private static func change(
    _ sites: TwoSites,
    _ definition: VPGDefinition,
    at site: Site? = nil,
    _ body: (inout VPGDefinition) -> Void
  ) async throws -> TaskIdentifier {
    var wish = definition
    wish.generation += 1
    body(&wish)
    return try await (site ?? sites.londonSite).perform(
      .update(wish),
      on: definition.identifier,
      user: "ann"
    )
  }

  @Test func `policy, limits, networks and groups change at both sites under a VM that goes on`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let task = try await Self.change(sites, before) {
        $0.name = "shop"
        $0.policy.rpoTargetInSeconds = 60
        $0.policy.journalHistoryInHours = 2
        $0.policy.priority = .high
        $0.policy.serviceProfile = "gold"
        $0.journal = .init(hardLimitInMB: 4096, warningThresholdInMB: 2048)
        $0.networks.failoverTest = sites.parisHypervisor.network
        $0.bootGroups.append(.init(identifier: "g", name: "G", delayInSeconds: 5))
        $0.vms[0].bootGroup = "g"
        $0.vms[0].nics[0].failover.replacesMACAddress = true
        $0.vms[0].volumes[1].datastore = sites.parisHypervisor.datastore
      }
      try await sites.finished(task, at: sites.londonSite)
      let after = try await Self.agreed(sites, before.identifier)
      #expect(after.name == "shop" && after.generation == before.generation + 1)
      #expect(after.policy.serviceProfile == "gold" && after.vms[0].bootGroup == "g")
      #expect(after.vms[0].volumes[1].datastore == sites.parisHypervisor.datastore)
      #expect(after.vms[0].stream == before.vms[0].stream)
      let journal = try #require(await sites.parisAppliance.journals[before.vms[0].stream])
      #expect(journal.historyInSeconds == 7200 && journal.hardLimitInBytes == 4 << 30)
      try await eventually("in order") {
        try await sites.londonSite.vpg(before.identifier).status == .meetingSLA
      }
      #expect(await sites.londonAppliance.syncCount == 1)
      #expect(await sites.londonHypervisor.attachCount == 2)
    }
  }

  @Test func `a VM joins and a VM leaves, and the one that stays is not touched`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let first = try await sites.protectedVPG()
      let second = await sites.londonHypervisor.add("app1", disks: 1)
      let joining = sites.definition(second).vms
      try await sites.finished(
        try await Self.change(sites, first, at: sites.parisSite) { $0.vms += joining },
        at: sites.parisSite
      )
      let both = try await Self.agreed(sites, first.identifier)
      #expect(both.vms.map(\.name) == ["web1", "app1"])
      #expect(await sites.parisAppliance.journals.count == 2)
      try await eventually("both in order") {
        try await sites.londonSite.vpg(first.identifier).status == .meetingSLA
      }
      #expect(await sites.londonAppliance.syncCount == 2)
      #expect(both.vms[0] == first.vms[0])

      try await sites.finished(
        try await Self.change(sites, both) { $0.vms.removeFirst() },
        at: sites.londonSite
      )
      let last = try await Self.agreed(sites, first.identifier)
      #expect(last.vms == [both.vms[1]])
      try await eventually("the VM that left is free") {
        await sites.londonAppliance.streamCount() == 1
      }
      #expect(await Array(sites.parisAppliance.journals.keys) == [both.vms[1].stream])
      #expect(await sites.parisAppliance.keptReplicas == [false])
      #expect(await sites.londonAppliance.syncCount == 2)
    }
  }

  @Test func `a point from before a VM joined is one of the VMs that were there`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let app = await sites.londonHypervisor.add("app1", disks: 1)
      let joining = sites.definition(app).vms
      let definition = try await sites.protectedVPG { $0.vms += joining }
      let (vpg, web) = (definition.identifier, definition.vms[0])
      let old = Checkpoint(
        identifier: CheckpointIdentifier(1),
        time: WallTime(milliseconds: 1),
        tag: "before app1"
      )
      await sites.parisAppliance.put([old], before: web.stream)
      for vms in [[], [web.identifier, app], [VMIdentifier("nobody")]] {
        await #expect(throws: SiteError.self) {
          try await sites.perform(
            .failoverTest(.init(checkpoint: old.identifier, vms: vms)),
            on: vpg
          )
        }
      }
      try await sites.perform(
        .failoverTest(.init(checkpoint: old.identifier, vms: [web.identifier])),
        on: vpg
      )
      let tested = await sites.parisHypervisor.shown.virtualMachines.map(\.name)
      #expect(tested == ["web1 - testing recovery"])
      try await sites.perform(.failoverTestStop(succeeded: true, summary: ""), on: vpg)
    }
  }

  @Test func `everything that cannot be carried out is said at once, and nothing changes`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let tasks = try await sites.londonSite.tasks().count
      let error = await #expect(throws: SiteError.self) {
        try await Self.change(sites, before) {
          $0.name = " "
          $0.policy.rpoTargetInSeconds = 0
          $0.recovery.host = HostIdentifier("nowhere")
          $0.vms[0].volumes[0].datastore = DatastoreIdentifier("elsewhere")
          $0.vms[0].volumes[1].syncSettings = "InitialSyncOnly"
          $0.vms[0].nics[0].failoverTest.address = "10.0.0.1"
          $0.scripting.postBackup = .init()
          $0.scripting.postBackup?.command = "after.sh"
          $0.scripting.postBackup?.timeoutInSeconds = 0
        }
      }
      guard case .rejected(let problems) = error else {
        Issue.record("not rejected: \(String(describing: error))")
        return
      }
      let members = problems.map { String($0.prefix { $0 != ":" }) }
      for member in [
        "Basic.Name", "Basic.RpoInSeconds", "Recovery.DefaultHostIdentifier",
        "Vms[web1].Recovery.HostIdentifier", "Scripting.PostBackup.TimeoutInSeconds",
        "Vms[web1].Volumes[scsi",
        "Vms[web1].Nics[Network adapter 1].FailoverTest.Hypervisor.IpConfig.SubnetMask",
      ] {
        #expect(members.contains(member), "\(member) is not among \(problems)")
      }
      #expect(problems.contains { $0.contains("InitialSyncOnly") })
      #expect(problems.contains { $0.contains("no datastore elsewhere") })
      #expect(try await Self.agreed(sites, before.identifier) == before)
      #expect(try await sites.londonSite.tasks().count == tasks)
    }
  }

  @Test func `a change that fails at the recovery site leaves both as they were`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let joining = sites.definition(await sites.londonHypervisor.add("app1", disks: 1)).vms
      await sites.parisAppliance.setFull(true)
      let task = try await Self.change(sites, before) {
        $0.policy.journalHistoryInHours = 2
        $0.vms += joining
      }
      let record = try await sites.finished(task, at: sites.londonSite, state: .failed)
      #expect(record.completeReason.contains("the disk is full"))
      #expect(try await Self.agreed(sites, before.identifier) == before)
      #expect(await sites.parisSite.context.vpgs.record(before.identifier)?.pending == nil)
      let journal = await sites.parisAppliance.journals[before.vms[0].stream]
      #expect(journal?.historyInSeconds == 24 * 3600)

      await sites.parisAppliance.setFull(false)
      let again = try await Self.change(sites, before) { $0.vms += joining }
      try await sites.finished(again, at: sites.londonSite)
      #expect(try await Self.agreed(sites, before.identifier).vms.count == 2)
    }
  }

  @Test func `a replica goes to another datastore, and the task tells how far it is`() async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      await sites.parisHypervisor.addSecondDatastore()
      let before = try await sites.protectedVPG()
      await sites.parisAppliance.setMove(.init(copiedByteCount: 50, totalByteCount: 100))
      let task = try await Self.change(sites, before) {
        $0.vms[0].volumes[1].datastore = sites.parisHypervisor.secondDatastore
        $0.journal.datastore = sites.parisHypervisor.secondDatastore
      }
      try await eventually("half of it is done") {
        try await sites.londonSite.task(task).progress == 49
      }
      let journal = try #require(await sites.parisAppliance.journals[before.vms[0].stream])
      #expect(journal.volumes.map { $0.replicaPath.hasPrefix("/second/") } == [false, true])
      #expect(journal.journalFolder?.hasPrefix("/second/") == true)
      let after = try await Self.agreed(sites, before.identifier)
      await sites.parisAppliance.setMove(nil)
      try await sites.finished(task, at: sites.londonSite)
      #expect(try await Self.agreed(sites, before.identifier) == after)
      #expect(await sites.londonAppliance.syncCount == 1)
    }
  }

  @Test func `a replica that cannot go to another datastore leaves the VPG as it was`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      await sites.parisHypervisor.addSecondDatastore()
      let before = try await sites.protectedVPG()
      await sites.parisAppliance.setMove(.init(failure: "there is no room left"))
      let task = try await Self.change(sites, before) {
        $0.name = "shop"
        $0.recovery.datastore = sites.parisHypervisor.secondDatastore
      }
      let record = try await sites.finished(task, at: sites.londonSite, state: .failed)
      #expect(record.completeReason.contains("of the VM web1 could not be moved: there is no room"))
      var after = try await Self.agreed(sites, before.identifier)
      #expect(after.generation == before.generation + 2)
      after.generation = before.generation
      #expect(after == before)
      let journal = try #require(await sites.parisAppliance.journals[before.vms[0].stream])
      #expect(journal.volumes.allSatisfy { $0.replicaPath.hasPrefix("/stores/") })
    }
  }

  @Test func `of several changes made of one definition one is carried out`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let accepted = await withTaskGroup(of: TaskIdentifier?.self) { group in
        for number in 1...4 {
          group.addTask {
            let site = number % 2 == 0 ? sites.londonSite : sites.parisSite
            return try? await Self.change(sites, before, at: site) { $0.name = "name \(number)" }
          }
        }
        return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
      }
      #expect(accepted.count == 1)
      try await sites.finished(try #require(accepted.first), at: sites.londonSite)
      let after = try await Self.agreed(sites, before.identifier)
      #expect(after.generation == before.generation + 1 && after.name.hasPrefix("name "))
      let error = await #expect(throws: SiteError.self) {
        try await Self.change(sites, before) { $0.name = "late" }
      }
      guard case .conflict = error else {
        Issue.record("not a conflict: \(String(describing: error))")
        return
      }
    }
  }

  @Test(arguments: [Switchboard.Loss.request, .reply])
  func `a change that got lost on its way, or its answer, is asked for again`(
    loss: Switchboard.Loss
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      sites.switchboard.lose(loss, ofGeneration: before.generation + 1)
      let task = try await Self.change(sites, before) { $0.name = "shop" }
      try await sites.finished(task, at: sites.londonSite)
      let after = try await Self.agreed(sites, before.identifier)
      #expect(after.name == "shop" && after.generation == before.generation + 1)
      #expect(sites.switchboard.takeLoss(ofGeneration: after.generation) == nil)
    }
  }

  @Test func `a VPG is not changed during a test, and can be as soon as it has been stopped`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let vpg = before.identifier
      try await sites.perform(.failoverTest(.init()), on: vpg)
      try await eventually("the test is known at both sites") {
        try await sites.londonSite.vpg(vpg).testStage == "Running"
      }
      let refusal = "The VPG web cannot be changed during a test (Running)."
      await #expect(throws: SiteError.conflict(refusal)) {
        _ = try await Self.change(sites, before) { $0.name = "shop" }
      }
      try await sites.perform(.failoverTestStop(succeeded: true, summary: ""), on: vpg)
      let task = try await Self.change(sites, before) { $0.name = "shop" }
      try await sites.finished(task, at: sites.londonSite)
      #expect(try await sites.londonSite.vpg(vpg).definition.name == "shop")
    }
  }

  @Test func `a VM that was renamed keeps its replicas where they are`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let stream = before.vms[0].stream
      let journal = try #require(await sites.parisAppliance.journals[stream])
      await sites.londonHypervisor.rename(before.vms[0].identifier, to: "web2")
      let task = try await Self.change(sites, before) { $0.policy.rpoTargetInSeconds = 60 }
      try await sites.finished(task, at: sites.londonSite)
      let after = try await Self.agreed(sites, before.identifier)
      #expect(after.vms[0].name == "web2" && after.vms[0].volumes == before.vms[0].volumes)
      #expect(await sites.parisAppliance.journals[stream]?.volumes == journal.volumes)

      await sites.londonHypervisor.addDisk(to: before.vms[0].identifier)
      try await eventually("the replica of another disk is beside them") {
        let paths = await sites.parisAppliance.journals[stream]?.volumes.map(\.replicaPath) ?? []
        let folders = Set(paths.map { $0.split(separator: "/").dropLast() })
        return paths.count == 3 && folders.count == 1
      }
    }
  }

  @Test func `a change that a manager was stopped in is taken back when it starts`() async throws {
    let sites = try await TwoSites()
    let known = Box<VPGDefinition?>(nil)
    try await sites.run { known.value = try await sites.protectedVPG() }
    let before = try #require(known.value)
    var pending = before
    pending.generation += 1
    pending.vms.append(before.vms[0])
    pending.vms[1].identifier = VMIdentifier("london.vm-app1")
    pending.vms[1].stream = StreamIdentifier("another")
    let (new, vpg) = (pending, before.identifier)
    try await sites.parisSite.context.vpgs.update(vpg) { $0.pending = new }
    let journal = try #require(await sites.parisAppliance.journals[before.vms[0].stream])
    try await sites.parisAppliance.keepJournal(StreamIdentifier("another"), journal)
    let paris = try await sites.parisAgain()
    #expect(await paris.context.vpgs.record(vpg)?.pending == new)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await paris.run() }
      defer { group.cancelAll() }
      try await eventually("taken back") {
        await paris.context.vpgs.record(vpg)?.pending == nil
      }
    }
    #expect(await Array(sites.parisAppliance.journals.keys) == [before.vms[0].stream])
    #expect(await paris.context.vpgs.record(vpg)?.definition == before)
  }

  @Test func `a VM whose journal is being read cannot leave`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let first = try await sites.protectedVPG()
      let joining = sites.definition(await sites.londonHypervisor.add("app1", disks: 1)).vms
      try await sites.finished(
        try await Self.change(sites, first) { $0.vms += joining },
        at: sites.londonSite
      )
      let both = try await Self.agreed(sites, first.identifier)
      let open = ExportIdentifier("open")
      _ = try await sites.parisAppliance.openExport(
        open,
        ExportRequest(
          stream: both.vms[0].stream,
          point: .time(WallTime(milliseconds: 0)),
          overlayFolder: nil
        )
      )
      let task = try await Self.change(sites, both) { $0.vms.removeFirst() }
      let record = try await sites.finished(task, at: sites.londonSite, state: .failed)
      #expect(record.completeReason.contains("a point of its journal is in use"))
      #expect(try await Self.agreed(sites, first.identifier) == both)
      #expect(await sites.parisAppliance.journals.count == 2)
    }
  }

  @Test func `a VM is recovered in the resource pool that is chosen, if the site has it`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let vpg = before.identifier
      func choose(_ pool: String) async throws -> TaskIdentifier {
        try await Self.change(sites, before) {
          $0.recovery.resourcePool = ResourcePoolIdentifier("paris.resgroup-\(pool)")
        }
      }
      await #expect(throws: SiteError.self) { _ = try await choose("/machine/none") }
      try await sites.finished(try await choose("/machine/gold"), at: sites.londonSite)
      _ = try await Self.agreed(sites, vpg)
      try await eventually("a checkpoint is there") {
        try await !sites.parisSite.checkpoints(of: vpg, from: nil, to: nil).isEmpty
      }
      try await sites.finished(
        try await sites.parisSite.perform(.failoverTest(.init()), on: vpg, user: "ann"),
        at: sites.parisSite
      )
      let machine = try #require(await sites.parisHypervisor.recovered.last)
      #expect(machine.resourcePool?.rawValue == "paris.resgroup-/machine/gold")
    }
  }

  @Test func `a card that is to have another MAC address has one in a test, by its UUID`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let vpg = before.identifier
      let task = try await Self.change(sites, before) {
        $0.vms[0].nics[0].failoverTest.replacesMACAddress = true
      }
      try await sites.finished(task, at: sites.londonSite)
      _ = try await Self.agreed(sites, vpg)
      try await eventually("a checkpoint is there") {
        try await !sites.parisSite.checkpoints(of: vpg, from: nil, to: nil).isEmpty
      }
      try await sites.finished(
        try await sites.parisSite.perform(.failoverTest(.init()), on: vpg, user: "ann"),
        at: sites.parisSite
      )
      let machine = try #require(await sites.parisHypervisor.recovered.last)
      let address = try #require(machine.nics.first?.macAddress)
      #expect(address.hasPrefix("52:54:00:") && address != "52:54:00:00:00:01")
      #expect(address.replacing(":", with: "").hasSuffix(machine.uuid.suffix(6)))
    }
  }
}
