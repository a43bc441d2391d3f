// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Bringing single VMs back from their journals, where they are protected.
struct VMRestoring: Sendable {
  private static let tick = Duration.seconds(1)

  let context: SiteContext
  let restores: VMRestores
  let checkpoints: CheckpointKeeper

  /// Carries commit policies out when their time is up, until the task is cancelled.
  func run() async {
    while (try? await Task.sleep(for: Self.tick)) != nil {
      for record in await context.vpgs.all() {
        guard let job = await restores.job(of: record.definition.identifier),
          job.workflow.stage == .running, let ended = job.course.ended,
          context.now().seconds(since: ended) >= Double(job.workflow.wish.commitDelayInSeconds)
        else { continue }
        let policy = job.workflow.wish.commitPolicy
        guard policy != .none else { continue }
        // Refused if a person was faster.
        _ = try? await decide(policy == .commit, job.workflow.vm, record, user: job.course.user)
      }
    }
  }

  // MARK: Asking

  /// Checks a wish against what is so now, and begins it.
  func begin(
    _ wish: VPGOperation.Restore,
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    guard let vm = definition.vms.first(where: { $0.identifier == wish.vm }) else {
      throw .notFound("The VPG \(definition.name) has no VM \(wish.vm).")
    }
    guard record.phase == .protecting, !record.isPaused else {
      let state = record.isPaused ? "paused" : "\(record.phase)"
      throw .conflict("A VM of the VPG \(definition.name) cannot be restored now: it is \(state).")
    }
    try await restores.refuseIfUnderWay(definition)
    for other in await context.vpgs.records(of: wish.vm) {
      guard let job = await restores.job(of: other.definition.identifier), !job.isGone,
        job.workflow.vm == wish.vm
      else { continue }
      throw .conflict("The VM \(vm.name) is being restored in the VPG \(other.definition.name).")
    }
    // What it wrote last has to get to its journal first.
    _ = try await checkpoints.senders(record)
    let workflow = try await workflow(wish, vm, definition)
    return try await restores.begin(
      StoredVMRestore(workflow: workflow, vpgName: definition.name, user: user),
      refusal: VMRestores.isBusy(vm.name, definition.name)
    )
  }

  /// Has a restored VM stay so, or be as it was before; a restore that is on its way yet can be
  /// undone too.
  func decide(
    _ commits: Bool,
    _ vm: VMIdentifier,
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    let name = definition.vms.first { $0.identifier == vm }?.name ?? vm.rawValue
    let refusal =
      "The VM \(name) of the VPG \(definition.name) has no restore that can be "
      + (commits ? "committed." : "rolled back.")
    guard let job = await restores.job(of: definition.identifier), job.workflow.vm == vm else {
      throw .conflict(refusal)
    }
    if !commits, job.course.ended == nil {
      return try await restores.abort(
        definition.identifier,
        because: "The restore of the VM \(name) was aborted by \(user).",
        user: user,
        refusal: refusal
      )
    }
    var workflow = job.workflow
    guard job.course.ended != nil, commits ? workflow.commit() : workflow.rollBack() else {
      throw .conflict(refusal)
    }
    return try await restores.begin(
      StoredVMRestore(workflow: workflow, vpgName: definition.name, user: user),
      refusal: refusal
    )
  }

  // MARK: Planning

  private func workflow(
    _ wish: VPGOperation.Restore,
    _ vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> VMRestoreWorkflow {
    let peer = try await context.peers.client(for: definition.recoverySite)
    let checkpoint = try await checkpoint(wish.checkpoint, definition, peer)
    let inventory: Inventory
    let found: VirtualMachine?
    do {
      inventory = try await context.hypervisor.inventory()
      found = try await context.hypervisor.virtualMachine(vm.identifier)
    } catch { throw SiteError(error) }
    guard let found else { throw .conflict("The VM \(vm.name) is not there any more.") }
    guard found.isTransient != true else {
      throw .conflict("The VM \(vm.name) has no definition: it would be gone once it is off.")
    }
    guard found.power == .off || wish.shutdownPolicy != .none else {
      throw .conflict(
        "The VM \(vm.name) runs. Shut it down, or have it shut down with the ShutdownPolicy."
      )
    }
    let identifier = newGUID()
    let workflow = VMRestoreWorkflow(
      identifier: identifier,
      vpg: definition.identifier,
      vm: vm.identifier,
      stream: vm.stream,
      name: vm.name,
      host: found.host,
      checkpoint: checkpoint,
      disks: try vm.disks(of: found, for: identifier),
      wish: wish,
      wasRunning: found.power != .off
    )
    let changes = try await peer.changes(
      workflow.changes(until: nil, first: 0, limit: 0),
      in: definition.identifier
    )
    try workflow.check(changes)
    try Self.checkRoom(for: changes, found, inventory)
    return workflow
  }

  private func checkpoint(
    _ wish: CheckpointIdentifier?,
    _ definition: VPGDefinition,
    _ peer: any PeerControl
  ) async throws(SiteError) -> Checkpoint {
    let all = try await peer.checkpoints(of: definition.identifier)
    guard let wish else {
      if let last = all.last { return last }
      throw .conflict("The VPG \(definition.name) has no checkpoint yet.")
    }
    if let found = all.first(where: { $0.identifier == wish }) { return found }
    throw .notFound("The VPG \(definition.name) has no checkpoint \(wish) any more.")
  }

  /// The overlays lie beside the VM's own disks, which others may need room beside.
  private static func checkRoom(
    for changes: ChangesReply,
    _ vm: VirtualMachine,
    _ inventory: Inventory
  ) throws(SiteError) {
    for datastore in inventory.datastores {
      let wanted = changes.volumes.reduce(UInt64(0)) { sum, volume in
        let disk = vm.disks.first { $0.identifier == volume.identifier }
        return disk?.datastore == datastore.identifier ? sum + volume.changedByteCount : sum
      }
      guard wanted < datastore.freeInBytes || wanted == 0 else {
        throw .conflict(
          "What the VM \(vm.name) wrote since then are \(wanted >> 20) MiB, and the datastore "
            + "\(datastore.name) has \(datastore.freeInBytes >> 20) MiB of room."
        )
      }
    }
  }
}

extension VPGDefinition.ProtectedVM {
  /// The VM's disks with their overlays to be.
  fileprivate func disks(
    of found: VirtualMachine,
    for identifier: String
  ) throws(SiteError) -> [VMRestoreWorkflow.Disk] {
    let differences = differences(from: found.disks)
    guard differences.isEmpty else {
      throw .conflict(
        "The VM \(name) was changed: \(differences.joined(separator: "; ")). "
          + "Wait until the VPG has followed."
      )
    }
    var disks: [VMRestoreWorkflow.Disk] = []
    for disk in found.disks {
      guard let format = disk.fileFormat, ["raw", "qcow2"].contains(format) else {
        throw .conflict(
          "The disk \(disk.target) of the VM \(name) is no raw or qcow2 file, so there is no place "
            + "for an overlay. Make a clone, or restore files."
        )
      }
      disks.append(
        VMRestoreWorkflow.Disk(
          volume: disk.identifier,
          target: disk.target,
          byteCount: disk.byteCount,
          basePath: disk.path,
          baseFormat: format,
          overlayPath: "\(disk.path).\(identifier.prefix(8)).restore.qcow2",
          isTemporary: volumes.first { $0.identifier == disk.identifier }?.isSwap == true
        )
      )
    }
    return disks
  }
}

extension VMRestores {
  static func isBusy(_ vm: String, _ vpg: String) -> String {
    "The VM \(vm) of the VPG \(vpg) is being restored; commit that or roll it back first."
  }

  func isBeingUndone(in vpg: VPGIdentifier) -> Bool {
    job(of: vpg)?.workflow.stage == .undoing
  }

  func isUnderWay(in vpg: VPGIdentifier) -> Bool { job(of: vpg).map { !$0.isGone } ?? false }

  /// Refuses what cannot be done to a VPG while one of its VMs is on its way, or on its overlays.
  func refuseIfUnderWay(_ definition: VPGDefinition) throws(SiteError) {
    guard let job = job(of: definition.identifier), !job.isGone else { return }
    throw .conflict(Self.isBusy(job.workflow.name, definition.name))
  }
}
