// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of a recovery workflow.
///
/// Every step finds its own work done when it is repeated.
struct RecoverySteps: Sendable {
  /// How long guests may take to shut down when the policy asks for it.
  ///
  /// With force there is a disaster, and every second counts against the recovery.
  private static let shutdownInSeconds = 120
  private static let shutdownBeforeForceInSeconds = 30

  let context: SiteContext

  /// - Returns: The machine and its recovered VM, after a start.
  func perform(
    _ step: RecoveryWorkflow.Step,
    of workflow: RecoveryWorkflow
  ) async throws(SiteError) -> (Int, VMIdentifier)? {
    guard let record = await context.vpgs.record(workflow.vpg) else {
      throw .notFound("The VPG \(workflow.vpg) is gone.")
    }
    let definition = record.definition
    switch step {
    case .standDownSource: try await standDownSource(workflow, definition)
    case .standUpSource: try await standUpSource(workflow, definition)
    case .retireSource: try await retireSource(workflow, definition)
    case .refuseWrites(let index): try await accept(false, machine(index, workflow), definition)
    case .acceptWrites(let index): try await accept(true, machine(index, workflow), definition)
    case .openExport(let index): _ = try await openExport(index, workflow, definition)
    case .closeExport(let index): try await closeExport(index, workflow, definition)
    case .startVM(let index): return (index, try await startVM(index, workflow, definition))
    case .removeVM(let index): try await removeVM(workflow.machines[index])
    case .promote(let index): try await promote(index, workflow, definition)
    case .adoptReplicas(let index): try await adoptReplicas(index, workflow, definition)
    case .dropJournal(let index): try await dropJournal(machine(index, workflow), definition)
    }
    return nil
  }

  private func machine(_ index: Int, _ workflow: RecoveryWorkflow) -> RecoveryWorkflow.Machine {
    workflow.machines[index]
  }
}

// MARK: The protected site

extension RecoverySteps {
  private func standDownSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    guard case .failover(let wish) = workflow.kind else { return }
    try await context.vpgs.update(definition.identifier) { $0.phase = .failingOver }
    let reply = try await tellSource(.standDown, policy: wish.shutdownPolicy, definition)
    if wish.shutdownPolicy == .shutdown, let reply, !reply.running.isEmpty {
      let names = definition.vms.filter { reply.running.contains($0.identifier) }.map(\.name)
      throw .failed(
        "\(names.joined(separator: ", ")) did not shut down. Fail over with ForceShutdown, or "
          + "shut it down by hand."
      )
    }
  }

  private func standUpSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    try await context.vpgs.update(definition.identifier) { $0.phase = .protecting }
    _ = try await tellSource(.standUp, policy: .none, definition)
  }

  private func retireSource(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    try await context.vpgs.update(definition.identifier) { $0.phase = .recovered }
    _ = try await tellSource(.retire, policy: .none, definition)
  }

  /// Tells the protected site, if it is there.
  ///
  /// One that is not learns from this site's state when it comes back, so its absence holds nothing
  /// up.
  private func tellSource(
    _ wish: SourceRequest.Wish,
    policy: VPGOperation.ShutdownPolicy,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> SourceReply? {
    do throws(SiteError) {
      return try await askSource(
        SourceRequest(
          wish: wish,
          shutdownPolicy: policy,
          timeoutInSeconds: policy == .forceShutdown
            ? Self.shutdownBeforeForceInSeconds : Self.shutdownInSeconds
        ),
        definition
      )
    } catch {
      guard case .unreachable = error else { throw error }
      await context.events.record(
        .failover,
        "The protected site does not answer; the recovery goes on without it.",
        succeeded: false,
        vpgs: [definition.identifier]
      )
      return nil
    }
  }
}

// MARK: A source that falls silent

extension RecoverySteps {
  private static let silentProbesUntilGone = 2

  /// Asks the protected site, for as long as it is there: a request may take as long as guests take
  /// to shut down, but a site that was lost on the way is not worth that wait.
  private func askSource(
    _ request: SourceRequest,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> SourceReply {
    let peer = try await context.peers.client(for: definition.protectedSite)
    let outcome = await withTaskGroup(of: Result<SourceReply, SiteError>.self) { group in
      group.addTask {
        do throws(SiteError) {
          return .success(try await peer.source(request, of: definition.identifier))
        } catch {
          return .failure(error)
        }
      }
      group.addTask { .failure(await Self.silence(of: peer)) }
      let first = await group.next()
      group.cancelAll()
      return first
    }
    guard let outcome else { preconditionFailure("a group with tasks has a first result") }
    return try outcome.get()
  }

  /// Returns when the peer has not answered several times in a row.
  private static func silence(of peer: any PeerControl) async -> SiteError {
    var misses = 0
    while misses < silentProbesUntilGone {
      do { try await Task.sleep(for: .milliseconds(500)) } catch {
        return .failed("The manager is stopping.")
      }
      do throws(SiteError) {
        _ = try await peer.state()
        misses = 0
      } catch {
        if case .unreachable = error { misses += 1 } else { misses = 0 }
      }
    }
    return .unreachable("The protected site does not answer any more.")
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
  }

  private func appliance(
    of machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> any ApplianceControl {
    try RecoverySite(context: context, definition: definition)
      .appliance(of: protectedVM(machine, definition))
  }

  private func protectedVM(
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
    let specification = try await specification(index, workflow, definition)
    do {
      // A VM that was switched off meanwhile has to run for its disks to move.
      let vm = try await context.hypervisor.startRecoveredVM(specification)
      try await context.hypervisor.adoptReplicas(of: vm, disks: specification.disks)
    } catch { throw SiteError(error) }
  }

  private func removeVM(_ machine: RecoveryWorkflow.Machine) async throws(SiteError) {
    do {
      // A crash may have come between the start and its record: look for the UUID.
      let inventory = try await context.hypervisor.inventory()
      for vm in inventory.virtualMachines where vm.identifier.rawValue.hasSuffix(machine.uuid) {
        try await context.hypervisor.remove(vm.identifier)
      }
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
      name: isTest ? "\(vm.name) - testing recovery" : vm.name,
      uuid: machine.uuid,
      host: host,
      hardware: vm.hardware,
      disks: export.volumes.map { volume in
        RecoveredVM.Disk(
          target: volume.target,
          overlayPath: volume.overlayPath,
          exportSocketPath: export.socketPath,
          exportName: volume.identifier.rawValue,
          replicaPath: volume.replicaPath
        )
      },
      nics: nics(of: vm, machine, definition, isTest: isTest)
    )
  }

  private func nics(
    of vm: VPGDefinition.ProtectedVM,
    _ machine: RecoveryWorkflow.Machine,
    _ definition: VPGDefinition,
    isTest: Bool
  ) -> [RecoveredVM.NIC] {
    zip(vm.nics, vm.hardware.macAddresses).enumerated().map { index, card in
      let (nic, address) = card
      let place = isTest ? nic.failoverTest : nic.failover
      let usual = isTest ? definition.networks.failoverTest : definition.networks.failover
      return RecoveredVM.NIC(
        macAddress: place.replacesMACAddress ? machine.newMACAddress(ofCard: index) : address,
        network: place.network ?? usual
      )
    }
  }
}
