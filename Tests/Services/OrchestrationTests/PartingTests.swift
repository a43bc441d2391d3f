// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Testing

/// Failovers of some of a VPG's VMs: the others go on in a VPG of their own.
@Suite struct PartingTests {
  /// A VPG of the VMs web1 and db1, protected and in order.
  private struct Pair {
    var vpg: VPGIdentifier
    var web: VPGDefinition.ProtectedVM
    var db: VPGDefinition.ProtectedVM
  }

  private func pair(_ sites: TwoSites) async throws -> Pair {
    let second = await sites.londonHypervisor.add("db1", disks: 1)
    let definition = try await sites.protectedVPG { $0.vms += sites.definition(second).vms }
    try await eventually("there are points") {
      try await sites.parisSite.checkpoints(of: definition.identifier, from: nil, to: nil).count > 1
    }
    return Pair(vpg: definition.identifier, web: definition.vms[0], db: definition.vms[1])
  }

  private func failover(of vm: VPGDefinition.ProtectedVM) -> VPGOperation {
    .failover(.init(vms: [vm.identifier], shutdownPolicy: .forceShutdown))
  }

  /// The VPG that has a VM, as a site has it; nil if none or several do.
  private func view(of vm: VPGDefinition.ProtectedVM, at site: Site) async throws -> VPGView? {
    let views = try await site.vpgs { $0.vms.contains { $0.identifier == vm.identifier } }
    return views.count == 1 ? views[0] : nil
  }

  private func isProtected(
    _ vm: VPGDefinition.ProtectedVM,
    apartFrom vpg: VPGIdentifier,
    at site: Site
  ) async throws -> Bool {
    guard let view = try await view(of: vm, at: site) else { return false }
    return view.status == .meetingSLA && view.definition.identifier != vpg
      && view.definition.vms.map(\.identifier) == [vm.identifier]
  }

  /// Whether there are two VPGs: that of web1, which is so, and one of db1, which is protected.
  private func isParted(
    _ pair: Pair,
    into status: VPGStatus,
    at site: Site
  ) async throws -> Bool {
    let views = try await site.vpgs { _ in true }
    let web = views.first { $0.definition.identifier == pair.vpg }
    guard views.count == 2, web?.status == status,
      web?.definition.vms.map(\.identifier) == [pair.web.identifier]
    else { return false }
    return try await isProtected(pair.db, apartFrom: pair.vpg, at: site)
  }

  private func streamVPGs(_ appliance: FakeAppliance) async throws -> [StreamIdentifier:
    VPGIdentifier]
  {
    let streams = try await appliance.status(timeout: nil).streams
    return Dictionary(uniqueKeysWithValues: streams.map { ($0.stream, $0.vpg) })
  }

  @Test func `VMs that are left out of a failover keep streams, replicas and points in a VPG`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      let points = try await sites.parisSite.checkpoints(of: pair.vpg, from: nil, to: nil)
      let before = await sites.parisAppliance.journals[pair.db.stream]
      // Asked where the VMs are protected.
      let task = try await sites.londonSite.perform(
        failover(of: pair.web),
        on: pair.vpg,
        user: "ann"
      )
      try await sites.finished(task, at: sites.londonSite)
      // At once, without waiting for the next look at the other site.
      for site in [sites.londonSite, sites.parisSite] {
        let left = try #require(try await view(of: pair.db, at: site))
        #expect(left.definition.name == "web (remaining)")
        #expect(left.definition.vms.map(\.stream) == [pair.db.stream])
        #expect(try await site.vpg(pair.vpg).definition.vms.map(\.name) == ["web1"])
        #expect(try await site.vpg(pair.vpg).status == .failingOver)
        try await eventually("it is protected") {
          try await isProtected(pair.db, apartFrom: pair.vpg, at: site)
        }
      }
      let left = try #require(try await view(of: pair.db, at: sites.parisSite)).definition
      #expect(await sites.londonHypervisor.virtualMachine(pair.db.identifier)?.power == .running)
      #expect(await sites.londonHypervisor.virtualMachine(pair.web.identifier)?.power == .off)
      #expect(await !sites.londonAppliance.ended.contains(pair.db.stream))
      let after = await sites.parisAppliance.journals[pair.db.stream]
      #expect(after?.volumes == before?.volumes && after?.vpg == left.identifier)
      try await eventually("its sender knows") {
        try await streamVPGs(sites.londonAppliance)[pair.db.stream] == left.identifier
      }
      let held = try await sites.parisSite.checkpoints(of: left.identifier, from: nil, to: nil)
      #expect(Set(points).isSubset(of: held))
      try await eventually("it has new points") {
        try await sites.londonSite.vpg(left.identifier).latestCheckpoint
          .map { $0.identifier > points.last?.identifier ?? CheckpointIdentifier(0) } ?? false
      }
      try await eventually("both sites say so") {
        try await sites.londonSite.events(from: nil, to: nil, limit: 100)
          .contains { $0.description.contains("Left out of the failover of the VPG web: db1.") }
      }
    }
  }

  @Test func `a failover of some that is rolled back leaves two VPGs, each protected`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      for operation in [failover(of: pair.web), .failoverRollback] {
        let task = try await sites.parisSite.perform(operation, on: pair.vpg, user: "ann")
        try await sites.finished(task, at: sites.parisSite)
      }
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("both are protected") {
          try await isParted(pair, into: .meetingSLA, at: site)
        }
      }
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      // What is left of the first VPG fails over as one of its own, and so does the other.
      let left = try #require(try await view(of: pair.db, at: sites.parisSite)).definition
      for (vpg, vm) in [(pair.vpg, pair.web), (left.identifier, pair.db)] {
        let task = try await sites.parisSite.perform(failover(of: vm), on: vpg, user: "ann")
        try await sites.finished(task, at: sites.parisSite)
      }
      #expect(await sites.parisHypervisor.shown.virtualMachines.count == 2)
      #expect(try await sites.parisSite.vpgs { _ in true }.count == 2)
    }
  }

  @Test func `two VPGs are one again by hand, onto the replica there is`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      for operation in [failover(of: pair.web), .failoverRollback] {
        let task = try await sites.parisSite.perform(operation, on: pair.vpg, user: "ann")
        try await sites.finished(task, at: sites.parisSite)
      }
      try await eventually("both are protected") {
        try await isParted(pair, into: .meetingSLA, at: sites.londonSite)
      }
      let left = try #require(try await view(of: pair.db, at: sites.londonSite)).definition
      let replica = try #require(await sites.parisAppliance.journals[pair.db.stream]).volumes[0]
        .replicaPath
      let deletion = try await sites.londonSite.perform(
        .delete(keepsRecoveryVolumes: true, force: false),
        on: left.identifier,
        user: "ann"
      )
      try await sites.finished(deletion, at: sites.londonSite)

      var wish = try await sites.londonSite.vpg(pair.vpg).definition
      wish.generation += 1
      var joining = sites.definition(pair.db.identifier).vms[0]
      joining.volumes = left.vms[0].volumes
      joining.volumes[0].preseed = .init(path: replica)
      wish.vms.append(joining)
      let change = try await sites.londonSite.perform(.update(wish), on: pair.vpg, user: "ann")
      try await sites.finished(change, at: sites.londonSite)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("there is one, protected") {
          let views = try await site.vpgs { _ in true }
          return views.count == 1 && views[0].status == .meetingSLA
            && views[0].definition.vms.map(\.name) == ["web1", "db1"]
        }
      }
      let joined = try await sites.parisSite.vpg(pair.vpg).definition.vms[1]
      let journal = try #require(await sites.parisAppliance.journals[joined.stream])
      #expect(journal.volumes[0].replicaPath == replica)
      // It is compared, not made.
      #expect(journal.volumes[0].imageFolder == "/stores/paris")
      #expect(joined.stream != pair.db.stream)
    }
  }

  @Test(arguments: [false, true])
  func `a protected site that was away follows when it is back, and goes on sending the others`(
    isCommittedMeanwhile: Bool
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      sites.switchboard.setCut(true)
      var operations = [failover(of: pair.web)]
      if isCommittedMeanwhile { operations.append(.failoverCommit(reverseProtection: false)) }
      for operation in operations {
        let task = try await sites.parisSite.perform(operation, on: pair.vpg, user: "ann")
        try await sites.finished(task, at: sites.parisSite)
      }
      #expect(try await sites.londonSite.vpg(pair.vpg).definition.vms.count == 2)
      try await eventually("paris says that it does not hear of what was left out") {
        try await view(of: pair.db, at: sites.parisSite)?.substatus == .disconnectedFromPeer
      }
      sites.switchboard.setCut(false)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("it is protected, and the other recovered") {
          try await isParted(
            pair,
            into: isCommittedMeanwhile ? .recovered : .failingOver,
            at: site
          )
        }
      }
      #expect(await !sites.londonAppliance.ended.contains(pair.db.stream))
      try await eventually("the recovered VM's stream is gone, and its alone") {
        try await Set(streamVPGs(sites.londonAppliance).keys) == [pair.db.stream]
      }
    }
  }

  @Test(arguments: [false, true])
  func `a manager of the protected site that is killed as it follows does so again`(
    keepsRecord: Bool
  ) async throws {
    let sites = try await TwoSites()
    let paris = Task { await sites.parisSite.run() }
    let london = Task { await sites.londonSite.run() }
    let pair = try await pair(sites)
    sites.londonStore.killManager(atRecord: 1, keepsRecord: keepsRecord, of: "vpg")
    let task = try await sites.parisSite.perform(failover(of: pair.web), on: pair.vpg, user: "ann")
    try await eventually("it died") { sites.londonStore.isDead }
    london.cancel()
    await london.value
    let again = try await sites.londonAgain()
    let run = Task { await again.run() }
    // It may have failed with the protected manager, and is undone then.
    try await eventually("the failover ended") {
      try await sites.parisSite.task(task).state.isFinal
    }
    let isFailedOver = try await sites.parisSite.task(task).state == .completed
    for site in [again, sites.parisSite] {
      try await eventually("it is protected") {
        try await isParted(pair, into: isFailedOver ? .failingOver : .meetingSLA, at: site)
      }
    }
    for end in [run, paris] {
      end.cancel()
      await end.value
    }
  }

  @Test func `nothing is asked of VMs that went into a VPG the protected site cannot know yet`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      var newer = try await sites.londonSite.vpg(pair.vpg).definition
      newer.generation += 1
      newer.vms.removeAll { $0.stream == pair.db.stream }
      for wish in [SourceRequest.Wish.standDown, .retire, .shutDown, .handOver] {
        var request = SourceRequest(
          wish: wish,
          shutdownPolicy: .forceShutdown,
          timeoutInSeconds: 1
        )
        request.definitions = [newer]
        let refused = await #expect(throws: SiteError.self) {
          try await sites.londonSite.source(request, of: pair.vpg, from: TwoSites.paris)
        }
        #expect(refused?.message.contains("are in other VPGs by now") == true, "\(wish)")
      }
      #expect(await sites.londonHypervisor.virtualMachine(pair.db.identifier)?.power == .running)
      #expect(try await sites.londonSite.vpg(pair.vpg).status == .meetingSLA)
    }
  }

  @Test func `some VMs alone cannot fail over while all are being copied`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let pair = try await pair(sites)
      await sites.parisAppliance.setCopyReply(CopyReply())
      let clone = try await sites.parisSite.perform(.clone(.init()), on: pair.vpg, user: "ann")
      let refused = await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(failover(of: pair.web), on: pair.vpg, user: "ann")
      }
      #expect(refused?.message.contains("A clone is being made") == true)
      #expect(try await sites.parisSite.vpgs { _ in true }.count == 1)
      await sites.parisAppliance.setCopyReply(CopyReply(isComplete: true))
      try await sites.finished(clone, at: sites.parisSite)
    }
  }
}
