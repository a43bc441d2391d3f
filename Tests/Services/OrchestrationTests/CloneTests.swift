// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Testing

@Suite struct CloneTests {
  /// Sites with a protected VM.
  private func withVPG(
    _ body: @escaping @Sendable (TwoSites, VPGDefinition) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run { try await body(sites, try await sites.protectedVPG()) }
  }

  @Test func `a clone is a new VM that is off, on copies of its own, beside the protected one`()
    async throws
  {
    try await withVPG { sites, definition in
      let vm = definition.vms[0]
      let latest = try #require(
        try await sites.parisSite.checkpoints(of: definition.identifier, from: nil, to: nil).last
      )
      let wish = VPGOperation.Clone(checkpoint: latest.identifier)
      let task = try await sites.londonSite.perform(
        .clone(wish),
        on: definition.identifier,
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.londonSite)
      #expect(ended.kind == .clone)
      let clone = try #require(await sites.clones().first)
      #expect(clone.name.hasPrefix("web1-20") && clone.name.hasSuffix("Z"))
      #expect(clone.power == .off)
      #expect(clone.identifier != vm.identifier)
      #expect(clone.nics.map(\.network) == [definition.networks.failover])
      #expect(clone.nics.map(\.macAddress) != vm.hardware.macAddresses)
      let copies = await sites.parisAppliance.copies
      #expect(clone.disks.map(\.path).sorted() == copies.keys.sorted())
      #expect(copies.count == 2)
      #expect(await sites.parisAppliance.exports().isEmpty)
      #expect(try await sites.londonSite.vpg(definition.identifier).status == .meetingSLA)
      #expect(await sites.londonHypervisor.virtualMachine(vm.identifier)?.power == .running)

      // Another one of the same point has a name and disks of its own.
      let again = try await sites.parisSite.perform(
        .clone(wish),
        on: definition.identifier,
        user: "ann"
      )
      try await sites.finished(again, at: sites.parisSite)
      #expect(Set(await sites.clones().map(\.name)) == [clone.name, "\(clone.name)-2"])
      #expect(await sites.parisAppliance.copies.count == 4)
    }
  }

  @Test func `progress is shown, and an aborted clone leaves nothing`() async throws {
    try await withVPG { sites, definition in
      let task = try await sites.beginSlowClone(of: definition.identifier)
      try await eventually("a quarter is copied") {
        try await sites.parisSite.task(task).progress == 24
      }
      let abort = try await sites.londonSite.perform(
        .cloneAbort,
        on: definition.identifier,
        user: "bob"
      )
      try await sites.finished(abort, at: sites.parisSite)
      let ended = try await sites.finished(task, at: sites.parisSite, state: .stopped)
      #expect(ended.completeReason == "The clone was aborted by bob.")
      try await sites.expectNothingLeft()
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(.cloneAbort, on: definition.identifier, user: "bob")
      }
    }
  }

  @Test func `a clone that does not fit is refused in words, and leaves nothing`() async throws {
    try await withVPG { sites, definition in
      await sites.parisAppliance.setDataByteCount(1 << 39)
      let task = try await sites.parisSite.perform(
        .clone(.init()),
        on: definition.identifier,
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(ended.completeReason.contains("The datastore one has 524288 MiB free"))
      try await sites.expectNothingLeft()
    }
  }

  @Test func `a point of other disks is refused in words, and leaves nothing`() async throws {
    try await withVPG { sites, definition in
      await sites.londonHypervisor.removeDisk(1, of: definition.vms[0].identifier)
      try await eventually("the disk is gone") {
        try await sites.parisSite.vpg(definition.identifier).definition.vms[0].volumes.count == 1
      }
      // The appliance's points still have the disk.
      let latest = try #require(
        try await sites.parisSite.checkpoints(of: definition.identifier, from: nil, to: nil).last
      )
      let task = try await sites.parisSite.perform(
        .clone(VPGOperation.Clone(checkpoint: latest.identifier)),
        on: definition.identifier,
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(ended.completeReason.contains("had other disks than now"))
      try await sites.expectNothingLeft()
    }
  }

  @Test func `a copy that fails undoes the clone`() async throws {
    try await withVPG { sites, definition in
      await sites.parisAppliance.setCopyReply(CopyReply(failure: "there is no room left for x"))
      let task = try await sites.parisSite.perform(
        .clone(.init()),
        on: definition.identifier,
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(ended.completeReason.contains("no room left"))
      try await sites.expectNothingLeft()
    }
  }

  @Test func `an appliance that is away is waited for`() async throws {
    try await withVPG { sites, definition in
      await sites.parisAppliance.setAway(true)
      let task = try await sites.parisSite.perform(
        .clone(.init()),
        on: definition.identifier,
        user: "ann"
      )
      try await eventually("the clone says so") {
        try await sites.parisSite.events(from: nil, to: nil, limit: 100)
          .contains { $0.kind == .clone && $0.description.contains("is away") }
      }
      #expect(try await sites.parisSite.task(task).state == .inProgress)
      await sites.parisAppliance.setAway(false)
      try await sites.finished(task, at: sites.parisSite)
    }
  }

  @Test func `what is not there is refused at once, and so is a second clone`() async throws {
    try await withVPG { sites, definition in
      let vpg = definition.identifier
      let wishes: [VPGOperation.Clone] = [
        .init(checkpoint: CheckpointIdentifier(1)), .init(vms: [VMIdentifier("x")]),
        .init(datastore: DatastoreIdentifier("x")),
      ]
      for wish in wishes {
        await #expect(throws: SiteError.self) {
          try await sites.parisSite.perform(.clone(wish), on: vpg, user: "ann")
        }
      }
      let task = try await sites.beginSlowClone(of: vpg)
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(.clone(.init()), on: vpg, user: "ann")
      }
      await sites.parisAppliance.setCopyReply(CopyReply(isComplete: true))
      try await sites.finished(task, at: sites.parisSite)
      #expect(await sites.clones().count == 1)
    }
  }

  @Test func `a failover goes on beside a clone, and only its commit waits for it`() async throws {
    try await withVPG { sites, definition in
      let vpg = definition.identifier
      let task = try await sites.beginSlowClone(of: vpg)
      let failover = try await sites.parisSite.perform(.failover(.init()), on: vpg, user: "ann")
      try await sites.finished(failover, at: sites.parisSite)
      let commit = VPGOperation.failoverCommit(reverseProtection: false)
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(commit, on: vpg, user: "ann")
      }
      #expect(try await sites.parisSite.vpg(vpg).substatus == .failingOverBeforeCommit)
      await sites.parisAppliance.setCopyReply(CopyReply(isComplete: true))
      try await sites.finished(task, at: sites.parisSite)
      // The other way round a clone is refused: the commit would leave its point behind.
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.perform(.clone(.init()), on: vpg, user: "ann")
      }
      let second = try await sites.parisSite.perform(commit, on: vpg, user: "ann")
      try await sites.finished(second, at: sites.parisSite)
    }
  }

  @Test func `a commit that nobody asked for by hand ends the clone`() async throws {
    try await withVPG { sites, definition in
      let vpg = definition.identifier
      let task = try await sites.beginSlowClone(of: vpg)
      _ = try await sites.parisSite.perform(
        .failover(.init(commitPolicy: .commit)),
        on: vpg,
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.parisSite, state: .stopped)
      #expect(ended.completeReason.contains("commit of a recovery"))
      #expect(await sites.clones().isEmpty)
      #expect(await sites.parisAppliance.copies.isEmpty)
      try await eventually("recovered") {
        try await sites.parisSite.vpg(vpg).status == .recovered
      }
    }
  }

  @Test func `a VPG is not deleted while a clone of it is made`() async throws {
    try await withVPG { sites, definition in
      let vpg = definition.identifier
      let task = try await sites.beginSlowClone(of: vpg)
      let refused = await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(
          .delete(keepsRecoveryVolumes: false, force: false),
          on: vpg,
          user: "ann"
        )
      }
      #expect(refused?.message.contains("A clone of the VPG") == true)
      await sites.parisAppliance.setCopyReply(CopyReply(isComplete: true))
      try await sites.finished(task, at: sites.parisSite)
      #expect(await sites.clones().count == 1)
    }
  }

  @Test(arguments: [false, true])
  func `a manager that is killed goes on with a clone, or with its undoing`(
    aborts: Bool
  ) async throws {
    let sites = try await TwoSites()
    let (vpg, task) = try await sites.running {
      let vpg = try await sites.protectedVPG().identifier
      let task = try await sites.beginSlowClone(of: vpg)
      try await eventually("a copy is under way") {
        try await sites.parisSite.task(task).progress > 0
      }
      return (vpg, task)
    }
    let paris = try await sites.parisAgain()
    if !aborts { await sites.parisAppliance.setCopyReply(CopyReply(isComplete: true)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await paris.run() }
      defer { group.cancelAll() }
      if aborts {
        try await eventually("the clone can be aborted") {
          do {
            _ = try await paris.perform(.cloneAbort, on: vpg, user: "ann")
            return true
          } catch { return false }
        }
      }
      try await sites.finished(task, at: paris, state: aborts ? .stopped : .completed)
    }
    #expect(await sites.clones().count == (aborts ? 0 : 1))
    #expect(await sites.parisAppliance.copies.count == (aborts ? 0 : 2))
    #expect(await sites.parisAppliance.exports().isEmpty)
  }
}

extension TwoSites {
  /// The VMs at paris.
  fileprivate func clones() async -> [VirtualMachine] {
    await parisHypervisor.shown.virtualMachines.filter { $0.power == .off }
  }

  /// Begins a clone whose first disk of two is half copied, and stays so.
  fileprivate func beginSlowClone(of vpg: VPGIdentifier) async throws -> TaskIdentifier {
    await parisAppliance.setCopyReply(CopyReply(copiedByteCount: 1 << 19))
    let task = try await parisSite.perform(.clone(.init()), on: vpg, user: "ann")
    try await eventually("a copy is begun") { await !parisAppliance.copies.isEmpty }
    return task
  }

  fileprivate func expectNothingLeft() async throws {
    #expect(await parisHypervisor.shown.virtualMachines.isEmpty)
    #expect(await parisAppliance.copies.isEmpty)
    #expect(await parisAppliance.exports().isEmpty)
  }

  /// Runs both sites while `body` runs; then they are as if killed.
  fileprivate func running<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.londonSite.run() }
      group.addTask { await self.parisSite.run() }
      defer { group.cancelAll() }
      return try await body()
    }
  }
}
