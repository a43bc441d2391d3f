// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct SiteTests {
  @Test func `a client that says 9071, as newer ones do, reaches the port managers listen at`()
    async throws
  {
    let sites = try await TwoSites(hasRome: true)
    try await sites.run {
      try await sites.pairRome(port: 9071)
      #expect(try await sites.londonSite.peerSites().map(\.port) == [9081])
      let task = try await sites.londonSite.pair(
        host: "rome",
        port: 9082,
        token: String(repeating: "B", count: 64),
        user: "ann"
      )
      let failed = try await sites.finished(task, at: sites.londonSite, state: .failed)
      #expect(failed.completeReason.contains("9082"))
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a site tells of itself without listing its VMs`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      // Whoever asks for the inventory now waits until the time limit.
      await sites.londonHypervisor.setHanging(true)
      let site = await sites.londonSite.localSite()
      #expect(!Task.isCancelled)
      #expect(site.hypervisorVersion == "QEMU 7.2")
      await sites.londonHypervisor.setHanging(false)
    }
  }

  @Test func `a VPG whose journals are not there yet has no checkpoints, asked at either site`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let both = [sites.londonSite, sites.parisSite]
      for site in both {
        #expect(try await !site.checkpoints(of: definition.identifier, from: nil, to: nil).isEmpty)
      }
      await sites.parisAppliance.setFull(true)
      for vm in definition.vms {
        try await sites.parisAppliance.endJournal(vm.stream, keepsReplica: true)
      }
      for site in both {
        #expect(try await site.checkpoints(of: definition.identifier, from: nil, to: nil).isEmpty)
      }
    }
  }

  // MARK: Pairing

  @Test func `pairing makes both sites know and trust each other`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      #expect(try await sites.londonSite.peerSites().map(\.name) == ["paris"])
      #expect(try await sites.parisSite.peerSites().map(\.name) == ["london"])
      try await eventually("both are connected") {
        let london = try await sites.londonSite.peerSites().allSatisfy(\.isConnected)
        let paris = try await sites.parisSite.peerSites().allSatisfy(\.isConnected)
        return london && paris
      }
      try await eventually("the appliance is told") {
        await sites.londonAppliance.trust.authorities.count == 2
      }
    }
  }

  @Test func `a token works once, and a made-up one never`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let token = try await sites.parisSite.generatePairingToken().token
      for (token, state) in [
        (token, TaskRecord.State.completed), (token, .failed),
        (String(repeating: "A", count: 64), .failed),
      ] {
        let task = try await sites.londonSite.pair(
          host: "paris",
          port: 9081,
          token: token,
          user: "ann"
        )
        try await sites.finished(task, at: sites.londonSite, state: state)
      }
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.pair(host: "paris", port: 9081, token: "short", user: "ann")
      }
    }
  }

  @Test func `sites that share a VPG cannot part`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.unpair(TwoSites.paris, user: "ann")
      }
      try await sites.finished(
        try await sites.londonSite.perform(
          .delete(keepsRecoveryVolumes: true, force: false),
          on: definition.identifier,
          user: "ann"
        ),
        at: sites.londonSite
      )
      try await sites.finished(
        try await sites.londonSite.unpair(TwoSites.paris, user: "ann"),
        at: sites.londonSite
      )
      #expect(try await sites.parisSite.peerSites().isEmpty)
    }
  }

  // MARK: Creating

  @Test(arguments: [
    "already", "no disks", "no VM nowhere", "no host", "no datastore", "no network",
    "no folder", "named web", "not paired", "both",
  ])
  func `a wrong definition is refused by name and changes nothing`(fault: String) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let first = try await sites.protectedVPG()
      let free = await sites.londonHypervisor.add("free", disks: 1)
      let diskless = await sites.londonHypervisor.add("diskless", disks: 0)
      var wish = sites.definition(free, name: "second")
      var words = fault
      switch fault {
      case "already": wish = sites.definition(first.vms[0].identifier, name: "second")
      case "no disks": wish = sites.definition(diskless, name: "second")
      case "no VM nowhere": wish = sites.definition(VMIdentifier("nowhere"), name: "second")
      case "no host": wish.recovery.host = HostIdentifier("nowhere")
      case "no datastore": wish.recovery.datastore = DatastoreIdentifier("nowhere")
      case "no network": wish.networks.failoverTest = NetworkIdentifier("nowhere")
      case "no folder": wish.recovery.folder = FolderIdentifier("nowhere")
      case "named web": wish.name = "WEB"
      case "not paired": wish.recoverySite = SiteIdentifier("elsewhere")
      default:
        wish.journal.hardLimitInPercent = 50
        words = "in megabytes and in percent"
      }
      let tasks = try await sites.londonSite.tasks().count
      let error = await #expect(throws: SiteError.self) {
        try await sites.londonSite.create(wish, user: "ann")
      }
      guard case .rejected(let problems) = error else {
        Issue.record("not refused as invalid: \(String(describing: error))")
        return
      }
      #expect(problems.count == 1 && problems[0].contains(words), "\(problems)")
      #expect(try await sites.londonSite.vpgs().count == 1)
      #expect(try await sites.londonSite.tasks().count == tasks)
      #expect(await sites.parisAppliance.journals.count == 1)
    }
  }

  @Test func `a VPG that is created gets journals, taps, a sync and checkpoints`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let stream = definition.vms[0].stream
      let journal = try #require(await sites.parisAppliance.journals[stream])
      #expect(journal.volumes.map(\.target) == ["vd0", "vd1"])
      #expect(
        journal.volumes[0].replicaPath
          == "/stores/paris/web1/\(definition.identifier.rawValue.prefix(8))-vd0.raw"
      )
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
      #expect(await sites.londonAppliance.syncCount == 1)
      try await eventually("paris sees it too") {
        try await sites.parisSite.vpg(definition.identifier).status == .meetingSLA
      }
      let checkpoints = try await sites.londonSite.checkpoints(
        of: definition.identifier,
        from: nil,
        to: nil
      )
      #expect(!checkpoints.isEmpty)
      #expect(checkpoints == checkpoints.sorted { $0.identifier < $1.identifier })
    }
  }

  @Test func `a VPG can be created, marked and deleted at its recovery site`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let vm = await sites.londonHypervisor.add("web1", disks: 1)
      let wish = sites.definition(vm)
      let created = try await sites.parisSite.create(wish, user: "ann")
      #expect(created.site == TwoSites.london)
      try await sites.finished(created, at: sites.parisSite)
      try await eventually("in order") {
        try await sites.parisSite.vpg(wish.identifier).status == .meetingSLA
      }
      let tagged = try await sites.parisSite.perform(
        .insertCheckpoint(tag: "before"),
        on: wish.identifier,
        user: "ann"
      )
      try await sites.finished(tagged, at: sites.parisSite)
      let tags = try await sites.parisSite.checkpoints(of: wish.identifier, from: nil, to: nil)
        .map(\.tag)
      #expect(tags.contains("before"))
      let deleted = try await sites.parisSite.perform(
        .delete(keepsRecoveryVolumes: false, force: false),
        on: wish.identifier,
        user: "ann"
      )
      try await sites.finished(deleted, at: sites.parisSite)
      #expect(try await sites.parisSite.vpgs().isEmpty)
      #expect(try await sites.londonSite.vpgs().isEmpty)
      #expect(await sites.londonHypervisor.readyVolumes().isEmpty)
      #expect(await sites.londonAppliance.streamCount() == 0)
      #expect(await sites.parisAppliance.keptReplicas == [false])
    }
  }

  // MARK: Withstanding

  @Test func `a restarted appliance gets its taps and a sync again`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonAppliance.restart()
      try await eventually("synced again") { await sites.londonAppliance.syncCount == 2 }
      try await eventually("in order again") {
        try await sites.londonSite.vpg(definition.identifier).status == .meetingSLA
      }
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
    }
  }

  @Test func `a restarted manager finds all as it is and syncs nothing`() async throws {
    let sites = try await TwoSites()
    let known = Box<VPGDefinition?>(nil)
    try await sites.run { known.value = try await sites.protectedVPG() }
    let definition = try #require(known.value)
    let (syncs, attaches) = (
      await sites.londonAppliance.syncCount, await sites.londonHypervisor.attachCount
    )
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await sites.parisSite.run() }
      defer { group.cancelAll() }
      let before = try #require(
        try await london.checkpoints(
          of: definition.identifier,
          from: nil,
          to: nil
        ).last
      )
      try await eventually("checkpoints go on") {
        let last = try await london.checkpoints(of: definition.identifier, from: nil, to: nil).last
        return last!.identifier > before.identifier
      }
    }
    #expect(await sites.londonAppliance.syncCount == syncs)
    #expect(await sites.londonHypervisor.attachCount == attaches)
  }

  @Test func `the guest is freed from an appliance that hangs`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      _ = try await sites.protectedVPG()
      let before = await sites.londonHypervisor.cutCount
      await sites.londonAppliance.setHanging(true)
      // How soon is measured in the lab, where nothing else keeps the processors busy.
      try await eventually("cut") {
        await sites.londonHypervisor.cutCount >= before + 2
      }
      await sites.londonAppliance.setHanging(false)
      try await eventually("tapped again") {
        await sites.londonHypervisor.readyVolumes().count == 2
      }
    }
  }

  @Test func `a pause keeps nothing, a resume syncs`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      try await sites.finished(
        try await sites.londonSite.perform(.pause, on: vpg, user: "ann"),
        at: sites.londonSite
      )
      try await eventually("paused") { await sites.londonAppliance.isPaused() }
      #expect(try await sites.londonSite.vpg(vpg).substatus == .replicationPausedByUser)
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(
          .insertCheckpoint(tag: "no"),
          on: vpg,
          user: "ann"
        )
      }
      try await sites.finished(
        try await sites.londonSite.perform(.resume, on: vpg, user: "ann"),
        at: sites.londonSite
      )
      try await eventually("synced") { await sites.londonAppliance.syncCount == 2 }
    }
  }

  @Test func `disks that come, grow and go are followed, and each keeps its number`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      let names = definition.vms[0].volumes.map(\.identifier)
      func request() async -> JournalRequest? {
        await sites.parisAppliance.journals[definition.vms[0].stream]
      }
      await sites.londonHypervisor.addDisk(to: vm)
      try await eventually("three disks are tapped and have replicas") {
        let count = await request()?.volumes.count
        return await sites.londonHypervisor.readyVolumes().count == 3 && count == 3
      }
      await sites.londonHypervisor.growDisk(of: vm)
      try await eventually("the replica is to grow") {
        await request()?.volumes[0].byteCount == 134_217_728
      }
      await sites.londonHypervisor.removeDisk(1, of: vm)
      try await eventually("the disk that went has size 0") {
        await request()?.volumes.map(\.byteCount) == [134_217_728, 0, 67_108_864]
      }
      #expect(await request()?.volumes[1].identifier == names[1])
      try await eventually("both sites have the same definition and nothing to complain of") {
        let london = try await sites.londonSite.vpg(vpg)
        let paris = try await sites.parisSite.vpg(vpg)
        return london.status == .meetingSLA && london.definition == paris.definition
          && london.definition.vms[0].volumes.map(\.number) == [0, 2]
      }
      let texts = try await sites.londonSite.events(from: nil, to: nil, limit: 100)
        .map(\.description)
      #expect(texts.filter { $0.contains("with the disks they have now") }.count == 3)
      for text in ["disk vd2 is new", "disk vd0 has 134217728 bytes", "disk vd1 is not there"] {
        #expect(texts.filter { $0.contains(text) }.count == 1)
      }
    }
  }

  @Test func `a disk that comes to one VM leaves those of a VM that is off as they were`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let web = await sites.londonHypervisor.add("web1", disks: 1)
      let db = await sites.londonHypervisor.add("db1", disks: 1)
      var wish = sites.definition(web)
      wish.vms += sites.definition(db).vms
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      await sites.londonHypervisor.setPower(.off, of: db)
      await sites.londonHypervisor.addDisk(to: db)
      await sites.londonHypervisor.addDisk(to: web)
      func diskCounts() async throws -> [Int] {
        try await sites.londonSite.vpg(wish.identifier).definition.vms.map(\.volumes.count)
      }
      try await eventually("the new disk is followed") { try await diskCounts()[0] == 2 }
      #expect(try await diskCounts() == [2, 1])
      await sites.londonHypervisor.setPower(.running, of: db)
      try await eventually("the other one too") { try await diskCounts() == [2, 2] }
    }
  }

  @Test func `while the other site is away new disks wait, and the others stay protected`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      sites.switchboard.setCut(true)
      await sites.londonHypervisor.addDisk(to: vm)
      try await eventually("the new disk is an event") {
        try await sites.londonSite.events(from: nil, to: nil, limit: 100)
          .contains { $0.description.contains("disk vd2 is new") }
      }
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
      #expect(try await sites.londonSite.vpg(vpg).definition.vms[0].volumes.count == 2)
      sites.switchboard.setCut(false)
      try await eventually("it is protected") {
        await sites.londonHypervisor.readyVolumes().count == 3
      }
    }
  }

  @Test func `a source that stands down releases its VM, and takes it back`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      let down = try await sites.londonSite.source(
        SourceRequest(wish: .standDown, shutdownPolicy: .shutdown, timeoutInSeconds: 5),
        of: vpg,
        from: TwoSites.paris
      )
      #expect(down.running.isEmpty)
      try await eventually("released") { await sites.londonAppliance.streamCount() == 0 }
      let up = try await sites.londonSite.source(
        SourceRequest(wish: .standUp, shutdownPolicy: .none, timeoutInSeconds: 5),
        of: vpg,
        from: TwoSites.paris
      )
      #expect(up.running == [vm])
      try await eventually("protected again") {
        try await sites.londonSite.vpg(vpg).status == .meetingSLA
      }
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.source(
          SourceRequest(wish: .retire, shutdownPolicy: .none, timeoutInSeconds: 5),
          of: vpg,
          from: SiteIdentifier("elsewhere")
        )
      }
    }
  }

  @Test func `a site that comes back after a committed failover retires its half`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      sites.switchboard.setCut(true)
      try await eventually("the loss shows") {
        try await sites.londonSite.vpg(vpg).substatus == .disconnectedFromPeer
      }
      try await sites.parisSite.context.vpgs.update(vpg) { $0.phase = .recovered }
      sites.switchboard.setCut(false)
      try await eventually("retired") {
        try await sites.londonSite.vpg(vpg).status == .recovered
      }
      try await eventually("released") { await sites.londonAppliance.streamCount() == 0 }
    }
  }
}

/// A value that a closure leaves for its maker.
final class Box<Value: Sendable>: @unchecked Sendable {
  // Written by one task that has ended before the value is read.
  var value: Value
  init(_ value: Value) { self.value = value }
}
