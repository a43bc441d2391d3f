// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of a restore.
///
/// Every step finds its own work done when it is repeated.
struct RestoreSteps: DurableJobSteps {
  let context: SiteContext
  let gate: RepositoryGate

  func advance(
    _ job: StoredRestore,
    in jobs: Restores
  ) async throws(SiteError) -> DurableJobPace {
    guard let step = job.workflow.step else { return .atOnce }
    do throws(SiteError) {
      try await perform(step, of: job.workflow, jobs)
      await jobs.change(job.subject) { $0.workflow.stepDone() }
      await jobs.note(nil, of: job.subject)
      return .atOnce
    } catch {
      if Task.isCancelled { throw error }
      let isRetried = await jobs.change(job.subject) {
        $0.workflow.run.stepFailed(.init(error))
      }
      if await jobs.job(of: job.subject)?.isAborted == false {
        await jobs.note(error.message, of: job.subject)
      }
      return isRetried == true ? .afterPause : .atOnce
    }
  }

  private func perform(
    _ step: RestoreWorkflow.Step,
    of workflow: RestoreWorkflow,
    _ jobs: Restores
  ) async throws(SiteError) {
    switch step {
    case .restoreDisk(let disk): try await restore(disk, of: workflow, jobs)
    case .defineVM: try await defineVM(workflow)
    case .removeVM:
      try await context.removeOwnVM(uuid: workflow.uuid, from: workflow.host)
    case .deleteDisk(let disk):
      try await context.appliances.client(on: workflow.host)
        .deleteCopy(workflow.copy(disk), in: workflow.folders[disk])
    }
  }

  private func restore(
    _ number: Int,
    of workflow: RestoreWorkflow,
    _ jobs: Restores
  ) async throws(SiteError) {
    let disk = workflow.machine.disks[number]
    let request = RestoreRequest(
      repository: try await RepositoryBook(context: context).opened(workflow.repository),
      snapshot: disk.snapshot,
      name: disk.name,
      byteCount: disk.byteCount,
      folder: workflow.folders[number]
    )
    let appliance = try context.appliances.client(on: workflow.host)
    while await gate.isShut(workflow.repository) { try await jobs.pause(RetentionSteps.pollPause) }
    while true {
      let reply = try await appliance.restore(workflow.copy(number), request)
      if reply.isComplete { return }
      guard reply.failure.isEmpty else {
        throw .failed("The disk \(disk.target) of \(workflow.machine.name): \(reply.failure)")
      }
      let subject = workflow.identifier
      let progress =
        await jobs.job(of: subject)?.workflow.progress(copied: reply.copiedByteCount) ?? 0
      guard await jobs.goesOn(subject, progress: progress) else {
        throw .conflict("The restore was aborted.")
      }
      try await jobs.pause(RetentionSteps.pollPause)
    }
  }

  private func defineVM(_ workflow: RestoreWorkflow) async throws(SiteError) {
    let machine = workflow.machine
    let specification = ClonedVM(
      name: workflow.name,
      uuid: workflow.uuid,
      host: workflow.host,
      hardware: machine.hardware,
      blueprint: machine.blueprint,
      disks: machine.disks.enumerated().map { index, disk in
        ClonedVM.Disk(
          target: disk.target,
          path: workflow.copy(index).path(in: workflow.folders[index])
        )
      },
      nics: machine.networks.enumerated().map { index, network in
        RecoveredVM.NIC(
          macAddress: newMACAddressOfCard(index, ofVM: workflow.uuid),
          network: network
        )
      }
    )
    do { _ = try await context.hypervisor.define(specification) } catch { throw SiteError(error) }
  }
}

extension RestoreWorkflow {
  /// A new VM, named after the old one and the checkpoint, where the wish says or else where a
  /// failover would have put it.
  init(
    _ wish: RestoreWish,
    of set: RetentionSet,
    _ inventory: Inventory
  ) throws(SiteError) {
    guard let machine = set.machine(wish.vm) else {
      throw .notFound("The retention set \(set.identifier) has no VM \(wish.vm).")
    }
    let host = wish.host ?? machine.host
    guard inventory.hosts.contains(where: { $0.identifier == host }) else {
      throw .notFound("This site has no host \(host): name one to restore to.")
    }
    let name = RecoveryPlan.newName(
      for: machine.name,
      as: set.checkpoint.time,
      besides: Set(inventory.virtualMachines.map(\.name))
    )
    var folders: [String] = []
    for disk in machine.disks {
      let wanted = wish.datastore ?? disk.datastore
      guard let datastore = inventory.datastores.first(where: { $0.identifier == wanted }) else {
        throw .notFound(
          "This site has no datastore \(wanted?.rawValue ?? ""): name one to restore to."
        )
      }
      folders.append("\(datastore.path)/\(name.replacing("/", with: "_"))")
    }
    self.init(
      identifier: newGUID(),
      set: set,
      machine: machine,
      host: host,
      name: name,
      uuid: newGUID(),
      folders: folders
    )
  }
}
