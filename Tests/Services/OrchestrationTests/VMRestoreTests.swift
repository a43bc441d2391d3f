// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct VMRestoreTests {
  /// A protected VM and the restore of it, of which 3 clusters of its first disk differ.
  private func withBench(
    _ body: @escaping @Sendable (VMRestoreBench) async throws -> Void
  ) async throws {
    let bench = try await VMRestoreBench()
    do { try await body(bench) } catch {
      await bench.end()
      throw error
    }
    await bench.end()
  }

  @Test func `a restored VM runs on overlays, which hold the clusters that differ, and waits`()
    async throws
  {
    try await withBench { bench in
      try await bench.restore()
      let machine = try #require(await bench.machine())
      #expect(machine.power == .running)
      #expect(machine.disks.allSatisfy { $0.path.hasSuffix(".restore.qcow2") })
      let first = await bench.sites.londonAppliance.overlays.filled[machine.disks[0].path]
      #expect(first == [0, 1 << 17])
      #expect(await bench.sites.londonAppliance.overlays.sealed == Set(machine.disks.map(\.path)))
      let reads = await bench.sites.parisAppliance.overlays.reads
      #expect(Set(reads.map(\.point)) == [.checkpoint(bench.checkpoint.identifier)])
      try await eventually("it is protected as it is now") {
        try await bench.isProtected()
      }
    }
  }

  @Test func `a commit takes the overlays down while the VM runs, with no tap on its disks`()
    async throws
  {
    try await withBench { bench in
      try await bench.restore()
      let overlays = Set(try #require(await bench.machine()).disks.map(\.path))
      try await eventually("it is tapped") { try await bench.isProtected() }
      try await bench.decide(.restoreCommit(bench.vm))
      try await bench.checkIsOnItsOwnDisks()
      #expect(await bench.sites.londonHypervisor.committed == overlays)
      #expect(try await bench.site().tapSuspensions().isEmpty)
    }
  }

  @Test func `a commit of a VM that was shut down leaves it off`() async throws {
    try await withBench { bench in
      try await bench.restore()
      let overlays = Set(try #require(await bench.machine()).disks.map(\.path))
      await bench.sites.londonHypervisor.setPower(.off, of: bench.vm)
      try await bench.decide(.restoreCommit(bench.vm))
      #expect(await bench.sites.londonAppliance.overlays.committed == overlays)
      #expect(await bench.machine()?.power == .off)
      #expect(await bench.sites.londonAppliance.overlays.filled.isEmpty)
    }
  }

  @Test func `a rollback has the VM run on its own disks`() async throws {
    try await withBench { bench in
      try await bench.restore()
      try await bench.decide(.restoreRollback(bench.vm))
      try await bench.checkIsOnItsOwnDisks()
      #expect(await bench.sites.londonHypervisor.committed.isEmpty)
      #expect(await bench.sites.londonAppliance.overlays.committed.isEmpty)
    }
  }

  @Test(arguments: [VPGOperation.CommitPolicy.commit, .rollback])
  func `a commit policy is carried out by itself`(policy: VPGOperation.CommitPolicy) async throws {
    try await withBench { bench in
      try await bench.restore(policy)
      try await eventually("its disks are its own") {
        await bench.machine()?.disks.allSatisfy { $0.path.hasSuffix(".raw") } == true
      }
      try await bench.checkIsOnItsOwnDisks()
      #expect(await bench.sites.londonHypervisor.committed.isEmpty == (policy == .rollback))
    }
  }

  @Test func `a recovery site that falls silent while the VM is off does not keep it off`()
    async throws
  {
    try await withBench { bench in
      let (switchboard, hypervisor) = (bench.sites.switchboard, bench.sites.londonHypervisor)
      await bench.sites.parisAppliance.setWhenRead { () async throws(SiteError) in
        guard await hypervisor.virtualMachine(bench.vm)?.power == .off else { return }
        switchboard.setCut(true)
        throw .unreachable("paris does not answer")
      }
      await bench.sites.parisAppliance.setChanges(bench.changes(isFull: false))
      await bench.changeWhenOff()
      try await bench.restore(state: .failed)
      switchboard.setCut(false)
      try await bench.checkIsOnItsOwnDisks()
    }
  }

  @Test func `a VM that does not start as it was is started as it is`() async throws {
    try await withBench { bench in
      await bench.sites.londonHypervisor.refuseStarts(2)
      try await bench.restore(state: .failed)
      try await bench.checkIsOnItsOwnDisks()
    }
  }

  @Test func `a restore that is not wanted any more is undone before the VM is shut down`()
    async throws
  {
    try await withBench { bench in
      let (site, vpg, vm) = (try await bench.site(), bench.vpg, bench.vm)
      await bench.sites.parisAppliance.setWhenRead { () async throws(SiteError) in
        _ = try? await site.perform(.restoreRollback(vm), on: vpg, user: "bob")
      }
      try await bench.restore(state: .stopped)
      #expect(await bench.sites.londonAppliance.overlays.filled.isEmpty)
      #expect(await bench.machine()?.power == .running)
      let runs = try await bench.site().events(from: nil, to: nil, limit: 100)
      #expect(!runs.contains { $0.description.contains("is shut down") })
    }
  }

  @Test func `two operations at once, and wishes that cannot be fulfilled, are refused`()
    async throws
  {
    try await withBench { bench in
      let site = try await bench.site()
      await #expect(throws: SiteError.self) {
        _ = try await site.perform(.restore(.init(vm: bench.vm)), on: bench.vpg, user: "ann")
      }
      await #expect(throws: SiteError.self) {
        let unknown = CheckpointIdentifier(1)
        _ = try await site.perform(
          .restore(.init(vm: bench.vm, checkpoint: unknown, shutdownPolicy: .shutdown)),
          on: bench.vpg,
          user: "ann"
        )
      }
      for operation in [VPGOperation.restoreCommit(bench.vm), .restoreRollback(bench.vm)] {
        await #expect(throws: SiteError.self) {
          _ = try await site.perform(operation, on: bench.vpg, user: "ann")
        }
      }
      try await bench.restore()
      for operation in [
        VPGOperation.restore(.init(vm: bench.vm, shutdownPolicy: .shutdown)),
        .delete(keepsRecoveryVolumes: true, force: true), .update(bench.definition),
      ] {
        await #expect(throws: SiteError.self) {
          _ = try await site.perform(operation, on: bench.vpg, user: "ann")
        }
      }
      // The recovery site hears of it with the next look, or when it wants the VM.
      for operation in [VPGOperation.move(.init()), .failover(.init())] {
        do {
          let task = try await site.perform(operation, on: bench.vpg, user: "ann")
          let record = try await bench.sites.finished(task, at: site, state: .failed)
          #expect(record.completeReason.contains("is being restored"), "\(record.completeReason)")
        } catch let error as SiteError {
          #expect(error.message.contains("is being restored"), "\(error.message)")
        }
      }
      let paris = bench.sites.parisSite
      try await eventually("paris knows") {
        await paris.context.peers.share(of: bench.vpg, at: TwoSites.london)?.isRestoring == true
      }
      let refused = await #expect(throws: SiteError.self) {
        try await site.perform(.failover(.init()), on: bench.vpg, user: "ann")
      }
      #expect(refused?.message.contains("is being restored at the protected site") == true)
      try await bench.decide(.restoreRollback(bench.vm))
      try await bench.checkIsOnItsOwnDisks()
    }
  }

  @Test func `a VM whose VPG is failed over meanwhile runs at one site, whoever decides first`()
    async throws
  {
    try await withBench { bench in
      try await bench.restore()
      let (site, vm, vpg) = (try await bench.site(), bench.vm, bench.vpg)
      // As if the other site had begun one while this one was away, and said nothing since.
      bench.sites.switchboard.setCut(true)
      try await eventually("paris is silent") {
        try await site.peerSites().allSatisfy { !$0.isConnected }
      }
      try await site.context.vpgs.update(vpg) { $0.phase = .failingOver }
      let task = try await site.perform(.restoreRollback(vm), on: vpg, user: "ann")
      try await eventually("its disks are its own") {
        await bench.machine()?.disks.allSatisfy { $0.path.hasSuffix(".raw") } == true
      }
      #expect(await bench.machine()?.power == .off)
      #expect(try await !site.task(task).state.isFinal)
      bench.sites.switchboard.setCut(false)
      try await bench.checkIsOnItsOwnDisks()
    }
  }

  @Test func `a disk that had another size cannot be restored, and nothing is touched`()
    async throws
  {
    try await withBench { bench in
      var changes = bench.changes(isFull: true)
      changes.volumes[1].byteCountBefore = 1 << 20
      await bench.sites.parisAppliance.setChanges(changes)
      let site = try await bench.site()
      await #expect(throws: SiteError.self) {
        _ = try await site.perform(
          .restore(.init(vm: bench.vm, shutdownPolicy: .shutdown)),
          on: bench.vpg,
          user: "ann"
        )
      }
      #expect(await bench.machine()?.power == .running)
      #expect(await bench.sites.londonAppliance.overlays.filled.isEmpty)
    }
  }
}
