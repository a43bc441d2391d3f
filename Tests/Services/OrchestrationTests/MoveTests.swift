// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Testing

@Suite struct MoveTests {
  /// Sites with a protected VM, and a move of it that waits for its commit.
  private func withMove(
    _ wish: VPGOperation.Move = .init(),
    _ body: @escaping @Sendable (TwoSites, VPGIdentifier, VMIdentifier) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG { wish in
        // The second disk holds temporary data, which changes nothing.
        var volume = VPGDefinition.ProtectedVolume(
          identifier: VolumeIdentifier("scsi:0:1"),
          number: 0,
          target: "",
          byteCount: 0
        )
        volume.isSwap = true
        wish.vms[0].volumes = [volume]
      }
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      // What an appliance says of a stream whose taps are closed and all of whose writes are sent.
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      let move = try await sites.londonSite.perform(.move(wish), on: vpg, user: "ann")
      try await sites.finished(move, at: sites.londonSite)
      try await body(sites, vpg, vm)
    }
  }

  @Test func `a moved VPG waits with its VMs off at the old site and on at the new one`()
    async throws
  {
    try await withMove { sites, vpg, vm in
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .off)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("the move shows") {
          let view = try await site.vpg(vpg)
          return view.status == .moving && view.substatus == .movingBeforeCommit
        }
      }
      let last = try #require(await sites.londonAppliance.lastMark)
      let exports = await sites.parisAppliance.exports()
      #expect(exports.map(\.request.point) == [.checkpoint(last.identifier)])
    }
  }

  @Test(arguments: [true, false])
  func `a committed move keeps the old VM's definition or not, as was wished`(
    keeps: Bool
  ) async throws {
    try await withMove(.init(keepsSourceVMs: keeps)) { sites, vpg, vm in
      let commit = VPGOperation.moveCommit(reverseProtection: false, keepsSourceVMs: nil)
      let task = try await sites.parisSite.perform(commit, on: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      #expect(await (sites.londonHypervisor.virtualMachine(vm) != nil) == keeps)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("recovered") { try await site.vpg(vpg).status == .recovered }
      }
    }
  }

  @Test func `a manager started again takes the commit of a move before it goes on with anything`()
    async throws
  {
    let sites = try await TwoSites()
    let moved = Box<VPGIdentifier?>(nil)
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      let move = try await sites.londonSite.perform(.move(.init()), on: vpg, user: "ann")
      try await sites.finished(move, at: sites.londonSite)
      moved.value = vpg
    }
    let vpg = try #require(moved.value)
    let (london, paris) = (try await sites.londonAgain(), try await sites.parisAgain())
    #expect(try await paris.vpg(vpg).substatus == .movingBeforeCommit)
    await #expect(throws: SiteError.self) {
      try await paris.perform(.failoverTest(.init()), on: vpg, user: "ann")
    }
    let commit = VPGOperation.moveCommit(reverseProtection: false, keepsSourceVMs: nil)
    let task = try await paris.perform(commit, on: vpg, user: "ann")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await london.run() }
      group.addTask { await paris.run() }
      defer { group.cancelAll() }
      try await sites.finished(task, at: paris)
    }
    #expect(await sites.parisAppliance.points.promoted.count == 1)
  }

  @Test func `a commit with reverse protection protects the moved VM, onto the disks it left`()
    async throws
  {
    try await withMove(.init(reverseProtection: true)) { sites, vpg, vm in
      await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
      await sites.parisAppliance.connect(to: sites.londonAppliance)
      let left = try #require(await sites.londonHypervisor.virtualMachine(vm)).disks
      let commit = VPGOperation.moveCommit(reverseProtection: nil, keepsSourceVMs: nil)
      let task = try await sites.londonSite.perform(commit, on: vpg, user: "ann")
      try await sites.finished(task, at: sites.londonSite)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("protected in reverse") {
          let view = try await site.vpg(vpg)
          return view.definition.protectedSite == TwoSites.paris && view.status == .meetingSLA
        }
        let volumes = try await site.vpg(vpg).definition.vms[0].volumes
        #expect(volumes.map(\.isSwap) == [nil, true])
      }
      #expect(await sites.londonHypervisor.virtualMachine(vm) == nil)
      let journals = await sites.londonAppliance.journals.values
      #expect(
        journals.flatMap(\.volumes).map(\.replicaPath).sorted() == left.map(\.path).sorted()
      )
      #expect(await sites.parisAppliance.journals.isEmpty)
    }
  }

  @Test func `reverse protection is refused while the old VM runs`() async throws {
    try await withMove { sites, vpg, vm in
      await sites.londonHypervisor.setPower(.running, of: vm)
      let commit = VPGOperation.moveCommit(reverseProtection: true, keepsSourceVMs: nil)
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(commit, on: vpg, user: "ann")
      }
      let view = try await sites.parisSite.vpg(vpg)
      #expect(view.substatus == .movingBeforeCommit)
    }
  }

  @Test func `a move that is rolled back starts the VM where it was, protected`() async throws {
    try await withMove { sites, vpg, vm in
      await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
      let task = try await sites.parisSite.perform(.moveRollback, on: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      try await eventually("protected again") {
        try await sites.londonSite.vpg(vpg).status == .meetingSLA
      }
      #expect(await sites.parisAppliance.exports().isEmpty)
    }
  }

  @Test func `a VM that stays up ends the move, and goes on as before`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let (vpg, vm) = (definition.identifier, definition.vms[0].identifier)
      await sites.londonHypervisor.setIgnoresShutdown(true)
      let task = try await sites.parisSite.perform(.move(.init()), on: vpg, user: "ann")
      try await eventually("the move failed") {
        try await sites.parisSite.task(task).state == .failed
      }
      #expect(try await sites.parisSite.task(task).completeReason.contains("did not shut down"))
      #expect(await sites.londonHypervisor.virtualMachine(vm)?.power == .running)
      try await eventually("protected") {
        try await sites.londonSite.vpg(vpg).status == .meetingSLA
      }
    }
  }

  @Test func `without the protected site there is no move, and nothing changes`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      sites.switchboard.setCut(true)
      try await eventually("the loss shows") {
        try await sites.parisSite.vpg(vpg).substatus == .disconnectedFromPeer
      }
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(.move(.init()), on: vpg, user: "ann")
      }
      #expect(await sites.parisSite.tasks(named: .move).isEmpty)
    }
  }
}

extension Site {
  fileprivate func tasks(named kind: TaskRecord.Kind) async -> [TaskRecord] {
    ((try? await tasks()) ?? []).filter { $0.kind == kind }
  }
}
