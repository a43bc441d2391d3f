// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of a recovery workflow.
///
/// Every step but a script finds its own work done when it is repeated.
struct RecoverySteps: Sendable {
  let context: SiteContext

  /// What a step found out that its workflow has to know.
  enum Outcome: Sendable, Equatable {
    case done
    /// A machine's recovered VM runs.
    case started(Int, VMIdentifier)
    /// What came true and what did not; the recovery goes on whatever that is.
    case found(Findings)
    /// The checkpoint that holds the last write of VMs that are off.
    case settled(Checkpoint)
    /// A script ended well, in words.
    case ran(String)
  }

  /// What came true inside recovered guests, or at the protected site, and what did not, in words
  /// for an operator.
  struct Findings: Sendable, Equatable {
    /// The VMs it is about, by name.
    var subject: String
    var successes: [String] = []
    var shortfalls: [String] = []
  }

  func perform(
    _ step: RecoveryWorkflow.Step,
    of workflow: RecoveryWorkflow
  ) async throws(SiteError) -> Outcome {
    guard let record = await context.vpgs.record(workflow.vpg) else {
      throw .notFound("The VPG \(workflow.vpg) is gone.")
    }
    let definition = record.definition
    switch step {
    case .part: try await part(workflow, definition)
    case .shutDownSource: try await shutDownSource(workflow, definition)
    case .settleSource: return .settled(try await settleSource(workflow, definition))
    case .standDownSource:
      return .found(try await standDownSource(workflow, definition))
    case .standUpSource: try await standUpSource(workflow, definition)
    case .retireSource: try await retireSource(workflow, definition)
    case .reverse: try await reverse(workflow, definition)
    case .refuseWrites(let index): try await accept(false, machine(index, workflow), definition)
    case .acceptWrites(let index): try await accept(true, machine(index, workflow), definition)
    case .openExport(let index): _ = try await openExport(index, workflow, definition)
    case .closeExport(let index): try await closeExport(index, workflow, definition)
    case .awaitGuests(let index):
      return await report(try await awaitGuests(before: index, workflow), workflow)
    case .startVM(let index):
      return .started(index, try await startVM(index, workflow, definition))
    case .setAddresses(let index):
      return await report(try await setAddresses(of: index, workflow, definition), workflow)
    case .removeVM(let index):
      let machine = workflow.machines[index]
      let source = definition.vms.first { $0.identifier == machine.vm }
      let host = source.flatMap { definition.recoveryHost(of: $0) }
      try await context.removeOwnVM(uuid: machine.uuid, from: host)
    case .promote(let index): try await promote(index, workflow, definition)
    case .adoptReplicas(let index): try await adoptReplicas(index, workflow, definition)
    case .dropJournal(let index): try await dropJournal(machine(index, workflow), definition)
    case .runScript(let script): return .ran(try await run(script, of: workflow, definition))
    }
    return .done
  }

  private func machine(_ index: Int, _ workflow: RecoveryWorkflow) -> RecoveryWorkflow.Machine {
    workflow.machines[index]
  }
}

// MARK: Journals and exports

extension RecoverySteps {
  private func accept(
    _ isAccepting: Bool,
    _ machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    try await appliance(of: machine, definition).accept(machine.stream, isAccepting)
  }

  private func openExport(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> ExportReply {
    let machine = workflow.machines[index]
    let folder = try await RecoverySite(context: context, definition: definition)
      .scratchFolder(of: protectedVM(machine, definition), for: machine.export)
    let request = ExportRequest(
      stream: machine.stream,
      point: .checkpoint(workflow.checkpoint.identifier),
      overlayFolder: folder
    )
    return try await appliance(of: machine, definition).openExport(machine.export, request)
  }

  private func closeExport(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let machine = workflow.machines[index]
    try await appliance(of: machine, definition).closeExport(machine.export)
  }

  private func promote(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let machine = workflow.machines[index]
    try await appliance(of: machine, definition)
      .promote(machine.stream, to: workflow.checkpoint.identifier)
  }

  private func dropJournal(
    _ machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    try await appliance(of: machine, definition).endJournal(machine.stream, keepsReplica: true)
    do { try await context.store.removeBlueprint(of: machine.stream) } catch {
      throw SiteError(error)
    }
  }

  private func appliance(
    of machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> any ApplianceControl {
    try RecoverySite(context: context, definition: definition)
      .appliance(of: protectedVM(machine, definition))
  }

  func protectedVM(
    _ machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> VPGDefinition.ProtectedVM {
    guard let vm = definition.vms.first(where: { $0.stream == machine.stream }) else {
      throw .notFound("The VM \(machine.name) is no longer in the VPG \(definition.name).")
    }
    return vm
  }
}

// MARK: VMs

extension RecoverySteps {
  private func startVM(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> VMIdentifier {
    let machine = workflow.machines[index]
    if machine.delayInSeconds > 0 {
      do { try await Task.sleep(for: .seconds(machine.delayInSeconds)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
    let specification = try await specification(index, workflow, definition)
    do { return try await context.hypervisor.startRecoveredVM(specification) } catch {
      throw SiteError(error)
    }
  }

  private func adoptReplicas(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let machine = workflow.machines[index]
    let specification = try await specification(index, workflow, definition)
    try await appliance(of: machine, definition).prepareAdoption(of: machine.export)
    do {
      // A VM that was switched off meanwhile has to run for its disks to move.
      let vm = try await context.hypervisor.startRecoveredVM(specification)
      try await context.hypervisor.adoptReplicas(of: vm, disks: specification.disks)
    } catch { throw SiteError(error) }
  }

  private func specification(
    _ index: Int,
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> RecoveredVM {
    let machine = workflow.machines[index]
    let vm = try protectedVM(machine, definition)
    let host = try RecoverySite(context: context, definition: definition).host(of: vm)
    let export = try await openExport(index, workflow, definition)
    let isTest = workflow.kind == .test
    return RecoveredVM(
      name: isTest ? "\(vm.name) - testing recovery" : machine.recoveredName ?? vm.name,
      uuid: machine.uuid,
      host: host,
      hardware: vm.hardware,
      blueprint: try await context.blueprint(of: vm),
      resourcePool: definition.resourcePool(of: vm),
      disks: export.volumes.map { volume in
        RecoveredVM.Disk(
          target: volume.target,
          overlayPath: volume.overlayPath,
          exportSocketPath: export.socketPath,
          exportName: volume.identifier.rawValue,
          replicaPath: volume.replicaPath,
          adoptionPath: volume.adoptionPath
        )
      },
      nics: nics(of: vm, machine, definition, isTest: isTest)
    )
  }

  func nics(
    of vm: VPGDefinition.ProtectedVM,
    _ machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition,
    isTest: Bool
  ) -> [RecoveredVM.NIC] {
    zip(vm.nics, vm.hardware.macAddresses).enumerated().map { index, card in
      let place = isTest ? card.0.failoverTest : card.0.failover
      let usual = isTest ? definition.networks.failoverTest : definition.networks.failover
      return RecoveredVM.NIC(
        macAddress: machine.macAddress(
          ofCard: index,
          card.1,
          place,
          isWithinOneSite: definition.isWithinOneSite
        ),
        network: place.network ?? usual,
        reservedAddress: place.reservedAddress
      )
    }
  }
}
