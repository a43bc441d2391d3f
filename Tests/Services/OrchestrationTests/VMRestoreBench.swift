// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// Two sites with a protected VM of two disks, and the manager that restores it.
final actor VMRestoreBench {
  let sites: TwoSites
  let definition: VPGDefinition
  let checkpoint: Checkpoint
  private var manager: Site
  private var managerRun: Task<Void, Never>
  private let parisRun: Task<Void, Never>

  nonisolated var vpg: VPGIdentifier { definition.identifier }
  nonisolated var vm: VMIdentifier { definition.vms[0].identifier }

  init() async throws {
    let sites = try await TwoSites()
    self.sites = sites
    manager = sites.londonSite
    managerRun = Task { await sites.londonSite.run() }
    parisRun = Task { await sites.parisSite.run() }
    let definition = try await sites.protectedVPG()
    self.definition = definition
    var found: Checkpoint?
    try await eventually("there is a checkpoint") {
      found = try await sites.londonSite.checkpoints(
        of: definition.identifier,
        from: nil,
        to: nil
      ).first
      return found != nil
    }
    checkpoint = try #require(found)
    await sites.parisAppliance.setChanges(changes(isFull: true))
  }

  func end() async {
    await sites.parisAppliance.setWhenRead(nil)
    await sites.parisAppliance.setWhenChangesAsked(nil)
    for run in [managerRun, parisRun] {
      run.cancel()
      await run.value
    }
  }

  func site() throws -> Site { manager }

  func machine() async -> VirtualMachine? { await sites.londonHypervisor.virtualMachine(vm) }

  /// What differs of the VM: bytes in three clusters of its first disk, two of them neighbours.
  nonisolated func changes(isFull: Bool) -> ChangesReply {
    let extents = [
      ChangesReply.Extent(offset: 512, count: 100),
      ChangesReply.Extent(offset: 1 << 17, count: 65_537),
    ]
    return ChangesReply(
      volumes: definition.vms[0].volumes.enumerated().map { index, volume in
        let own = index == 0 ? (isFull ? extents : [extents[0]]) : []
        return ChangesReply.Volume(
          identifier: volume.identifier,
          target: volume.target,
          byteCountBefore: volume.byteCount,
          byteCount: volume.byteCount,
          changedByteCount: own.reduce(0) { $0 + $1.count },
          extentCount: own.count,
          extents: own
        )
      }
    )
  }

  /// Has more differ once the VM was shut down.
  func changeWhenOff() async {
    await sites.parisAppliance.setWhenChangesAsked { [sites, vm, full = changes(isFull: true)] in
      guard await sites.londonHypervisor.virtualMachine(vm)?.power == .off else { return nil }
      return full
    }
  }

  // MARK: The restore

  func restore(
    _ policy: VPGOperation.CommitPolicy = .none,
    state: TaskRecord.State = .completed
  ) async throws {
    let task = try await manager.perform(
      .restore(
        .init(
          vm: vm,
          checkpoint: checkpoint.identifier,
          shutdownPolicy: .shutdown,
          commitPolicy: policy
        )
      ),
      on: vpg,
      user: "ann"
    )
    try await sites.finished(task, at: manager, state: state)
  }

  func decide(_ operation: VPGOperation) async throws {
    try await sites.finished(
      try await manager.perform(operation, on: vpg, user: "ann"),
      at: manager
    )
  }

  func isProtected() async throws -> Bool {
    let taps = await sites.londonHypervisor.taps(of: vm)
    return try await manager.vpg(vpg).status == .meetingSLA && taps.count == 2
  }

  /// The VM runs on its own disks and is protected, and nothing is left over.
  func checkIsOnItsOwnDisks(_ what: Comment = "") async throws {
    try await eventually("\(what): it runs on its own disks") {
      let machine = await machine()
      return machine?.power == .running
        && machine?.disks.allSatisfy { $0.path.hasSuffix(".raw") } == true
    }
    try await eventually("\(what): nothing is left over") {
      let filled = await sites.londonAppliance.overlays.filled
      let sealed = await sites.londonAppliance.overlays.sealed
      return filled.isEmpty && sealed.isEmpty
    }
    let store = manager.context.store
    try await eventually("\(what): it is forgotten") { try await store.workflows().isEmpty }
    try await eventually("\(what): it is protected") { try await isProtected() }
  }

  // MARK: A manager that is killed

  /// Tells a restore and its end, with the manager killed at a record, and started again.
  ///
  /// - Returns: Whether it came so far.
  func tell(_ end: VPGOperation, killedAt number: Int, keepsRecord: Bool) async throws -> Bool {
    sites.londonStore.killManager(atRecord: number, keepsRecord: keepsRecord)
    let wish = VPGOperation.restore(.init(vm: vm, shutdownPolicy: .shutdown))
    try await carryOut(wish)
    if await !isOnOverlays() { try await carryOut(wish) }
    #expect(await isOnOverlays())
    try await carryOut(end)
    if await isOnOverlays() { try await carryOut(end) }
    return sites.londonStore.isDead
  }

  private func isOnOverlays() async -> Bool {
    await machine()?.disks.contains { $0.path.hasSuffix(".restore.qcow2") } == true
  }

  private func carryOut(_ operation: VPGOperation) async throws {
    let wasDead = sites.londonStore.isDead
    let task: TaskIdentifier?
    do { task = try await manager.perform(operation, on: vpg, user: "ann") } catch {
      guard sites.londonStore.isDead, !wasDead else { throw error }
      task = nil
    }
    try await eventually("\(operation) ends, or its manager") {
      guard let task, sites.londonStore.isDead == wasDead else { return true }
      return try await manager.task(task).state.isFinal
    }
    if sites.londonStore.isDead, !wasDead {
      managerRun.cancel()
      await managerRun.value
      let again = try await sites.londonAgain()
      manager = again
      managerRun = Task { await again.run() }
    }
    try await eventually("nothing is under way any more") {
      try await manager.tasks().allSatisfy(\.state.isFinal)
    }
  }
}
