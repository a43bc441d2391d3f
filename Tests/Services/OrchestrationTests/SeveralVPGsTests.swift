// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// One VM in VPGs to several sites.
@Suite struct `One VM in several VPGs` {
  /// What is protected, and how.
  private struct Protected: Sendable {
    let sites: TwoSites
    let vm: VMIdentifier
    /// To paris and to rome.
    let vpgs: [VPGIdentifier]

    var london: Site { sites.londonSite }

    func definition(_ index: Int) async throws -> VPGDefinition {
      try await london.vpg(vpgs[index]).definition
    }

    func stream(_ index: Int) async throws -> StreamIdentifier {
      try await definition(index).vms[0].stream
    }

    func isProtected(_ index: Int) async throws {
      try await eventually("the VPG \(index) meets its SLA") {
        try await london.vpg(vpgs[index]).status == .meetingSLA
      }
    }

    func delete(_ index: Int) async throws {
      let task = try await london.perform(
        .delete(keepsRecoveryVolumes: false, force: false),
        on: vpgs[index],
        user: "ann"
      )
      try await sites.finished(task, at: london)
    }
  }

  /// A VM with two disks, in a VPG to paris and in one to rome.
  private func withVM(
    _ body: @escaping @Sendable (Protected) async throws -> Void
  ) async throws {
    let sites = try await TwoSites(hasRome: true)
    try await sites.run {
      let first = try await sites.protectedVPG()
      let vm = first.vms[0].identifier
      try await sites.pairRome()
      let attachCount = await sites.londonHypervisor.attachCount
      let wish = sites.definitionToRome(vm, name: "far")
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      let protected = Protected(sites: sites, vm: vm, vpgs: [first.identifier, wish.identifier])
      try await protected.isProtected(1)
      #expect(await sites.londonHypervisor.attachCount == attachCount, "the taps were there")
      try await body(protected)
    }
  }

  @Test func `each has its stream, its maps and its checkpoints, on the same taps`() async throws {
    try await withVM { all in
      let sites = all.sites
      let streams = try await [all.stream(0), all.stream(1)]
      #expect(Set(streams).count == 2)
      #expect(await sites.londonAppliance.streamCount() == 2)
      let journals = await (sites.parisAppliance.journals, sites.romeAppliance.journals)
      #expect(Array(journals.0.keys) == [streams[0]] && Array(journals.1.keys) == [streams[1]])
      for vpg in all.vpgs {
        try await eventually("there are checkpoints") {
          try await all.london.vpg(vpg).latestCheckpoint != nil
        }
      }
      try await eventually("both syncs' exports are closed") {
        await sites.londonHypervisor.pulls[all.vm]?.isEmpty == true
      }
      let views = try await all.london.protectedVMs(all.vm)
      #expect(Set(views.map(\.vpg.definition.identifier)) == Set(all.vpgs))
      #expect(try await all.london.unprotectedVMs(of: TwoSites.london).isEmpty)
      let counters = try #require(try await all.london.appliances().first).protected
      #expect(counters == .init(vpgs: 2, vms: 1, volumes: 2))
    }
  }

  @Test func `one that is deleted leaves the taps and the other's order`() async throws {
    for deleted in 0...1 {
      try await withVM { all in
        let hypervisor = all.sites.londonHypervisor
        let (attached, syncs) = await (
          hypervisor.attachCount, all.sites.londonAppliance.syncCount
        )
        let stream = try await all.stream(deleted)
        try await all.delete(deleted)
        #expect(await hypervisor.readyVolumes().count == 2)
        try await all.isProtected(1 - deleted)
        #expect(await hypervisor.attachCount == attached)
        #expect(await all.sites.londonAppliance.syncCount == syncs)
        #expect(await all.sites.londonAppliance.streamCount() == 1)
        let maps = await hypervisor.maps[all.vm]?.values.flatMap { $0 } ?? []
        #expect(!maps.contains { $0.stream == stream })
        try await all.delete(1 - deleted)
        #expect(await hypervisor.readyVolumes().isEmpty)
        #expect(await all.sites.londonAppliance.streamCount() == 0)
      }
    }
  }

  @Test func `one that is paused, or whose site is away, is so alone`() async throws {
    try await withVM { all in
      let pause = try await all.london.perform(.pause, on: all.vpgs[0], user: "ann")
      try await all.sites.finished(pause, at: all.london)
      try await all.isProtected(1)
      #expect(await all.sites.londonHypervisor.readyVolumes().count == 2)
      // The taps are mended for both, though one is paused.
      await all.sites.londonAppliance.restart()
      try await eventually("tapped again") {
        await all.sites.londonHypervisor.readyVolumes().count == 2
      }
      try await all.isProtected(1)
      let fed = await all.sites.londonHypervisor.fed[all.vm]
      #expect(try await fed == [all.stream(0), all.stream(1)].sorted())
      let resume = try await all.london.perform(.resume, on: all.vpgs[0], user: "ann")
      try await all.sites.finished(resume, at: all.london)
      try await all.isProtected(0)
    }
  }

  @Test func `a tap that breaks is attached once, for both`() async throws {
    try await withVM { all in
      let hypervisor = all.sites.londonHypervisor
      let attached = await hypervisor.attachCount
      await hypervisor.breakTaps()
      try await eventually("tapped again") { await hypervisor.readyVolumes().count == 2 }
      for index in 0...1 { try await all.isProtected(index) }
      #expect(await hypervisor.attachCount == attached + 2)
    }
  }

  @Test func `a suspended disk is free of all of them`() async throws {
    try await withVM { all in
      let target = TapTarget(vm: all.vm, disk: "vd1")
      try await all.london.suspendTaps(target, minutes: 30, user: "ann")
      #expect(await all.sites.londonHypervisor.readyVolumes() == [VolumeIdentifier("scsi:0:0")])
      #expect(try await all.london.tapSuspensions().map(\.isFree) == [true, true])
      // One VPG's suspension that is over does not take the disk from who needs it.
      try await all.london.context.vpgs.update(all.vpgs[0]) { $0.suspensions = [] }
      let looked = await all.sites.londonAppliance.statusCount
      try await eventually("it was looked at") {
        await all.sites.londonAppliance.statusCount > looked + 6
      }
      #expect(await all.sites.londonHypervisor.readyVolumes().count == 1)
      try await all.london.resumeTaps(target, user: "ann")
      try await eventually("tapped again") {
        await all.sites.londonHypervisor.readyVolumes().count == 2
      }
    }
  }

  @Test func `a failover of one that leaves the VM running leaves the other protected`()
    async throws
  {
    try await withVM { all in
      let attached = await all.sites.londonHypervisor.attachCount
      let failover = VPGOperation.failover(.init(shutdownPolicy: .none))
      let task = try await all.sites.parisSite.perform(failover, on: all.vpgs[0], user: "ann")
      try await all.sites.finished(task, at: all.sites.parisSite)
      #expect(await all.sites.londonHypervisor.readyVolumes().count == 2)
      try await all.isProtected(1)
      let back = try await all.sites.parisSite.perform(
        .failoverRollback,
        on: all.vpgs[0],
        user: "ann"
      )
      try await all.sites.finished(back, at: all.sites.parisSite)
      for index in 0...1 { try await all.isProtected(index) }
      #expect(await all.sites.londonHypervisor.attachCount == attached)
    }
  }

  @Test func `a VM that one of them moves away is gone for the other, which says so`()
    async throws
  {
    try await withVM { all in
      let sites = all.sites
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      let move = try await sites.parisSite.perform(.move(.init()), on: all.vpgs[0], user: "ann")
      try await sites.finished(move, at: sites.parisSite)
      await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
      let commit = VPGOperation.moveCommit(reverseProtection: false, keepsSourceVMs: false)
      let task = try await sites.parisSite.perform(commit, on: all.vpgs[0], user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      #expect(await sites.londonHypervisor.virtualMachine(all.vm) == nil)
      let events = try await all.london.events(from: nil, to: nil, limit: 200).filter {
        $0.vpgs == [all.vpgs[1]]
      }.map(\.description)
      #expect(
        events.contains("The VM web1 is shut down, because it is moved in the VPG web.")
      )
      #expect(
        events.contains(
          "The VM web1 was removed from this site, because it was recovered in the VPG web."
        )
      )
      try await eventually("the other VPG does not meet its SLA") {
        try await all.london.vpg(all.vpgs[1]).status != .meetingSLA
      }
      try await all.delete(1)
    }
  }

  @Test func `a second one to the same site and a fourth one are refused`() async throws {
    try await withVM { all in
      let sites = all.sites
      func refusal(_ wish: VPGDefinition) async -> String {
        do throws(SiteError) {
          _ = try await all.london.create(wish, user: "ann")
          return ""
        } catch { return error.message }
      }
      let same = await refusal(sites.definitionToRome(all.vm, name: "again"))
      #expect(same.contains("Vms[web1]: the VM is protected to that site already, by the VPG far"))
      let third = await sites.definitionWithinLondon(all.vm, name: "here")
      try await sites.finished(try await all.london.create(third, user: "ann"), at: all.london)
      try await eventually("the third VPG meets its SLA") {
        try await all.london.vpg(third.identifier).status == .meetingSLA
      }
      #expect(await sites.londonAppliance.streamCount() == 3)
      let fourth = await refusal(sites.definition(all.vm, name: "fourth"))
      #expect(fourth.contains("a VM can be in 3 VPGs at most; it is in far, here, web"))
      #expect(fourth.contains("the VM is protected to that site already, by the VPG web"))
      #expect(try await all.london.vpgs().count == 3)
      // Editing one that is there is no matter of the others.
      var edited = try await all.definition(0)
      edited.generation += 1
      edited.policy.rpoTargetInSeconds = 77
      let task = try await all.london.perform(.update(edited), on: all.vpgs[0], user: "ann")
      try await sites.finished(task, at: all.london)
    }
  }

  @Test func `disks that come and go are followed by each`() async throws {
    try await withVM { all in
      let hypervisor = all.sites.londonHypervisor
      await hypervisor.addDisk(to: all.vm)
      for index in 0...1 {
        try await eventually("the disk is protected") {
          try await all.definition(index).vms[0].volumes.count == 3
        }
      }
      try await eventually("its tap is there") { await hypervisor.readyVolumes().count == 3 }
      for index in 0...1 { try await all.isProtected(index) }
      await hypervisor.removeDisk(2, of: all.vm)
      for index in 0...1 {
        try await eventually("the disk is let go") {
          try await all.definition(index).vms[0].volumes.count == 2
        }
      }
      for index in 0...1 { try await all.isProtected(index) }
    }
  }
}
