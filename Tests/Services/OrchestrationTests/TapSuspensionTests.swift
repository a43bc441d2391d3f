// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct TapSuspensionTests {
  private let disk = VolumeIdentifier("scsi:0:1")

  @Test func `a suspended disk is free until its time is over, also with a new manager`()
    async throws
  {
    let sites = try await TwoSites()
    let known = Box<VPGDefinition?>(nil)
    try await sites.run { [disk] in
      let definition = try await sites.protectedVPG()
      known.value = definition
      let target = TapTarget(vm: definition.vms[0].identifier, disk: "vd1")
      try await sites.londonSite.suspendTaps(target, minutes: 30, user: "ann")
      #expect(await sites.londonHypervisor.readyVolumes() == [VolumeIdentifier("scsi:0:0")])
      let view = try #require(try await sites.londonSite.tapSuspensions().first)
      #expect(view.isFree && view.vmName == "web1" && view.suspension.volume == disk)
      #expect(
        try await sites.londonSite.vpg(definition.identifier).substatus
          == .replicationPausedBySystem
      )
    }
    let definition = try #require(known.value)
    let syncs = await sites.londonAppliance.syncCount
    let london = try await sites.londonAgain()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await sites.parisSite.run() }
      defer { group.cancelAll() }
      try await eventually("the new manager finds it free") {
        try await london.tapSuspensions().first?.isFree == true
      }
      #expect(await sites.londonHypervisor.readyVolumes().count == 1)
      try await london.context.vpgs.update(definition.identifier) {
        $0.suspensions[0].until = WallTime(milliseconds: 0)
      }
      try await eventually("synced again") {
        await sites.londonAppliance.syncCount == syncs + 1
      }
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
      #expect(try await london.tapSuspensions().isEmpty)
      let events = try await london.events(from: nil, to: nil, limit: 100).map(\.description)
      #expect(events.contains { $0.contains("disk vd1 of the VM web1 is suspended for 30") })
      #expect(events.contains { $0.contains("The time is over") })
    }
  }

  @Test func `all VMs of a host can be suspended, and resumed before the time`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      _ = try await sites.protectedVPG()
      let host = TapTarget(host: sites.londonHypervisor.host)
      try await sites.londonSite.suspendTaps(host, minutes: 5, user: "ann")
      #expect(await sites.londonHypervisor.readyVolumes().isEmpty)
      // Again only moves the end.
      try await sites.londonSite.suspendTaps(host, minutes: 9, user: "ann")
      #expect(try await sites.londonSite.tapSuspensions().count == 1)
      try await sites.londonSite.resumeTaps(host, user: "ann")
      try await eventually("tapped again") {
        await sites.londonHypervisor.readyVolumes().count == 2
      }
      try await eventually("synced again") { await sites.londonAppliance.syncCount == 2 }
    }
  }

  @Test func `a suspension that cannot be meant is refused and changes nothing`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vm = try await sites.protectedVPG().vms[0].identifier
      let site = sites.londonSite
      for target in [
        TapTarget(), TapTarget(vm: vm, host: sites.londonHypervisor.host),
        TapTarget(vm: VMIdentifier("nowhere")), TapTarget(vm: vm, disk: "vdz"),
        TapTarget(host: sites.parisHypervisor.host),
      ] {
        await #expect(throws: SiteError.self) {
          try await site.suspendTaps(target, minutes: 5, user: "ann")
        }
      }
      for minutes in [0, -1, 100_000] {
        await #expect(throws: SiteError.self) {
          try await site.suspendTaps(TapTarget(vm: vm), minutes: minutes, user: "ann")
        }
      }
      #expect(await sites.londonHypervisor.readyVolumes().count == 2)
      #expect(try await site.tapSuspensions().isEmpty)
    }
  }
}
