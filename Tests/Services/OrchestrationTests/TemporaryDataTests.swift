// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// Disks of temporary data: synced once, and left alone from then on.
@Suite struct TemporaryDataTests {
  private static let system = VolumeIdentifier("scsi:0:0")
  private static let temporary = VolumeIdentifier("scsi:0:1")

  /// Two sites with a VPG whose second disk is temporary data, and has been synced.
  private static func withSettledDisk(
    _ body: @escaping @Sendable (TwoSites, VPGDefinition) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG {
        var volume = VPGDefinition.ProtectedVolume(
          identifier: temporary,
          number: 0,
          target: "",
          byteCount: 0
        )
        volume.isSwap = true
        $0.vms[0].volumes = [volume]
      }
      #expect(definition.vms[0].volumes.map(\.isSwap) == [nil, true])
      try await settled(sites)
      try await body(sites, definition)
    }
  }

  private static func settled(_ sites: TwoSites) async throws {
    try await eventually("only the other disk is tapped") {
      let ready = await sites.londonHypervisor.readyVolumes()
      let settled = await sites.londonAppliance.settledVolumes()
      return ready == [system] && settled == [temporary]
    }
  }

  private static func setTemporary(
    _ isTemporary: Bool,
    _ sites: TwoSites,
    _ definition: VPGDefinition
  ) async throws {
    var wish = definition
    wish.generation += 1
    wish.vms[0].volumes[1].isSwap = isTemporary
    let update = VPGOperation.update(wish)
    let task = try await sites.londonSite.perform(update, on: wish.identifier, user: "ann")
    try await sites.finished(task, at: sites.londonSite)
  }

  private static func meetsSLA(_ sites: TwoSites, _ vpg: VPGIdentifier) async throws {
    try await eventually("the VPG meets its SLA") {
      try await sites.londonSite.vpg(vpg).status == .meetingSLA
    }
  }

  @Test func `it is synced with the others, then its tap goes and checkpoints go on`() async throws
  {
    try await Self.withSettledDisk { sites, definition in
      #expect(await sites.londonAppliance.syncCount == 1)
      #expect(await sites.londonAppliance.syncedVolumes == [Self.system, Self.temporary])
      let stream = definition.vms[0].stream
      let count = try await sites.parisAppliance.checkpoints(of: stream).count
      try await eventually("another checkpoint") {
        try await sites.parisAppliance.checkpoints(of: stream).count > count
      }
      try await Self.meetsSLA(sites, definition.identifier)
      let journal = try #require(await sites.parisAppliance.journals[stream])
      #expect(journal.volumes.map(\.identifier) == [Self.system, Self.temporary])
      let events = try await sites.londonSite.events(from: nil, to: nil, limit: 100)
      #expect(
        events.contains { $0.description.contains("vd1 of the VM web1 holds temporary data") }
      )
    }
  }

  @Test func `a later sync leaves it out, also with a new appliance and a new manager`()
    async throws
  {
    let known = Box<TwoSites?>(nil)
    try await Self.withSettledDisk { sites, _ in
      known.value = sites
      await sites.londonAppliance.restart()
      try await eventually("synced again") { await sites.londonAppliance.syncCount == 2 }
      #expect(await sites.londonAppliance.syncedVolumes == [Self.system])
      #expect(await sites.londonAppliance.settledVolumes() == [Self.temporary])
    }
    let sites = try #require(known.value)
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await sites.parisSite.run() }
      defer { group.cancelAll() }
      await sites.londonAppliance.restart()
      try await eventually("synced by the new manager") {
        await sites.londonAppliance.syncCount == 3
      }
      #expect(await sites.londonAppliance.syncedVolumes == [Self.system])
      #expect(await sites.londonHypervisor.readyVolumes() == [Self.system])
    }
  }

  @Test func `a recovery site that begins anew gets it again`() async throws {
    try await Self.withSettledDisk { sites, definition in
      await sites.londonAppliance.setRemoteCopy(.partial)
      try await eventually("all of it is synced") {
        let synced = await sites.londonAppliance.syncedVolumes
        let ready = await sites.londonHypervisor.readyVolumes()
        return synced == [Self.system, Self.temporary] && ready.count == 2
      }
      await sites.londonAppliance.setRemoteCopy(nil)
      try await Self.settled(sites)
    }
  }

  @Test func `the mark can be taken from a disk that is protected, and given to it`() async throws {
    try await Self.withSettledDisk { sites, definition in
      let vpg = definition.identifier
      try await Self.setTemporary(false, sites, definition)
      try await eventually("the disk is synced and tapped") {
        let count = await sites.londonAppliance.syncCount
        let ready = await sites.londonHypervisor.readyVolumes()
        return count == 2 && ready.count == 2
      }
      #expect(await sites.londonAppliance.syncedVolumes == [Self.system, Self.temporary])
      #expect(await sites.londonAppliance.settledVolumes().isEmpty)
      #expect(await sites.londonSite.context.vpgs.record(vpg)?.settled == [])
      try await Self.meetsSLA(sites, vpg)

      let now = try await sites.londonSite.vpg(vpg).definition
      try await Self.setTemporary(true, sites, now)
      try await Self.settled(sites)
      #expect(await sites.londonAppliance.syncCount == 2)
    }
  }

  @Test func `its suspension is none for the others`() async throws {
    try await Self.withSettledDisk { sites, definition in
      let target = TapTarget(vm: definition.vms[0].identifier, disk: "vd1")
      try await sites.londonSite.suspendTaps(target, minutes: 30, user: "ann")
      await sites.londonAppliance.restart()
      try await eventually("synced again") { await sites.londonAppliance.syncCount == 2 }
    }
  }
}
