// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of a clone.
///
/// Every step finds its own work done when it is repeated.
struct CloneSteps: Sendable {
  /// Pause between two questions of how far a copy is.
  private static let pollPause = Duration.milliseconds(250)

  let context: SiteContext

  /// What a step found out that its workflow has to know.
  enum Outcome: Sendable {
    case done
    /// How much there is to copy of a machine's disks.
    case measured(Int, [VolumeIdentifier: UInt64])
  }

  /// `goesOn` is told how much of a disk is copied, and says whether the clone is still wanted.
  func perform(
    _ step: CloneWorkflow.Step,
    of workflow: CloneWorkflow,
    goesOn: @Sendable (_ copiedByteCount: UInt64) async -> Bool
  ) async throws(SiteError) -> Outcome {
    guard let record = await context.vpgs.record(workflow.vpg) else {
      throw .notFound("The VPG \(workflow.vpg) is gone.")
    }
    let definition = record.definition
    switch step {
    case .openExport(let index):
      return .measured(index, try await openExport(workflow, index, definition))
    case .checkRoom: try await checkRoom(workflow)
    case .copyDisk(let index, let disk):
      try await copyDisk(workflow.machines[index], disk, definition, goesOn)
    case .defineVM(let index): try await defineVM(workflow.machines[index], definition)
    case .closeExport(let index):
      let machine = workflow.machines[index]
      try await appliance(of: machine, definition).closeExport(machine.export)
    case .removeVM(let index):
      let machine = workflow.machines[index]
      let source = definition.vms.first { $0.stream == machine.stream }
      let host = source.flatMap { definition.recoveryHost(of: $0) }
      try await context.removeOwnVM(uuid: machine.uuid, from: host)
    case .deleteCopy(let index, let number):
      let disk = workflow.machines[index].disks[number]
      try await appliance(of: workflow.machines[index], definition)
        .deleteCopy(disk.copy, in: disk.folder)
    }
    return .done
  }

  private func appliance(
    of machine: CloneWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> any ApplianceControl {
    try RecoverySite(context: context, definition: definition)
      .appliance(of: try protectedVM(machine, definition))
  }

  private func protectedVM(
    _ machine: CloneWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> VPGDefinition.ProtectedVM {
    guard let vm = definition.vms.first(where: { $0.stream == machine.stream }) else {
      throw .notFound("The VM of \(machine.name) is no longer in the VPG \(definition.name).")
    }
    return vm
  }
}

// MARK: Disks

extension CloneSteps {
  private func openExport(
    _ workflow: CloneWorkflow,
    _ index: Int,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> [VolumeIdentifier: UInt64] {
    let machine = workflow.machines[index]
    let request = ExportRequest(
      stream: machine.stream,
      point: .checkpoint(workflow.checkpoint.identifier),
      overlayFolder: nil
    )
    let appliance = try appliance(of: machine, definition)
    let point = try await appliance.openExport(machine.export, request)
    guard Set(point.volumes.map(\.identifier)) == Set(machine.disks.map(\.volume)) else {
      throw .conflict(
        "At this checkpoint the VM of \(machine.name) had other disks than now; clone a later one, "
          + "or begin a failover test of this one."
      )
    }
    return try await appliance.dataByteCounts(of: machine.export)
  }

  private func checkRoom(_ workflow: CloneWorkflow) async throws(SiteError) {
    var needed: [DatastoreIdentifier: UInt64] = [:]
    for disk in workflow.machines.flatMap(\.disks) {
      needed[disk.datastore, default: 0] += disk.dataByteCount ?? 0
    }
    let inventory = try await inventory()
    for (identifier, count) in needed.sorted(by: { $0.key < $1.key }) {
      guard let datastore = inventory.datastores.first(where: { $0.identifier == identifier })
      else { throw .notFound("The datastore \(identifier) is gone.") }
      guard count <= datastore.freeInBytes else {
        throw .conflict(
          "The datastore \(datastore.name) has \(datastore.freeInBytes >> 20) MiB free, and the "
            + "clone needs \(count >> 20) MiB: make room, or clone to another datastore."
        )
      }
    }
  }

  private func copyDisk(
    _ machine: CloneWorkflow.Machine,
    _ number: Int,
    _ definition: VPGDefinition,
    _ goesOn: @Sendable (UInt64) async -> Bool
  ) async throws(SiteError) {
    let disk = machine.disks[number]
    let request = CopyRequest(export: machine.export, volume: disk.volume, folder: disk.folder)
    let appliance = try appliance(of: machine, definition)
    while true {
      // Asked again, a copy that an appliance forgot when it was killed begins anew.
      let reply = try await appliance.copy(disk.copy, request)
      if reply.isComplete { return }
      guard reply.failure.isEmpty else {
        throw .failed("The disk \(disk.target) of \(machine.name): \(reply.failure)")
      }
      guard await goesOn(reply.copiedByteCount) else { throw .conflict("The clone was aborted.") }
      do { try await Task.sleep(for: Self.pollPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }
}

// MARK: VMs

extension CloneSteps {
  private func defineVM(
    _ machine: CloneWorkflow.Machine,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let vm = try protectedVM(machine, definition)
    let specification = ClonedVM(
      name: machine.name,
      uuid: machine.uuid,
      host: try RecoverySite(context: context, definition: definition).host(of: vm),
      hardware: vm.hardware,
      blueprint: try await context.blueprint(of: vm),
      resourcePool: definition.resourcePool(of: vm),
      disks: machine.disks.map { ClonedVM.Disk(target: $0.target, path: $0.path) },
      // As a failover would connect it, but beside the VM it is a copy of.
      nics: zip(vm.nics, vm.hardware.macAddresses).enumerated().map { index, card in
        RecoveredVM.NIC(
          macAddress: newMACAddressOfCard(index, ofVM: machine.uuid),
          network: card.0.failover.network ?? definition.networks.failover
        )
      }
    )
    do { _ = try await context.hypervisor.define(specification) } catch { throw SiteError(error) }
  }

  private func inventory() async throws(SiteError) -> Inventory {
    do { return try await context.hypervisor.inventory() } catch { throw SiteError(error) }
  }
}
