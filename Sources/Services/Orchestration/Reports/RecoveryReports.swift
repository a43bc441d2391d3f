// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Makes the report of a recovery that is over.
struct RecoveryReports: Sendable {
  let context: SiteContext

  /// The report; nil if the recovery changed nothing anybody could want to read about: it was
  /// begun by a release that wrote nothing down.
  func report(of stored: StoredRecovery) async -> RecoveryReport? {
    guard let began = stored.began, let record = await context.vpgs.record(stored.workflow.vpg)
    else { return nil }
    let workflow = stored.workflow
    let definition = record.definition
    let inventory = (try? await context.hypervisor.inventory()) ?? Inventory()
    let names = Names(inventory: inventory, definition: definition, isTest: workflow.kind == .test)
    var report = RecoveryReport(
      identifier: workflow.identifier,
      kind: Self.kind(workflow.kind),
      vpg: workflow.vpg,
      vpgName: definition.name,
      protectedSiteName: await context.name(of: definition.protectedSite),
      recoverySiteName: context.settings.name,
      user: stored.startedBy ?? stored.user,
      checkpoint: workflow.checkpoint,
      began: began,
      recovered: stored.restedAt,
      ended: context.now(),
      failure: workflow.failure.isEmpty && stored.wasTestSuccessful == false
        ? "The test was marked as failed." : workflow.failure,
      notes: stored.notes ?? "",
      steps: stored.steps ?? [],
      machines: workflow.machines.compactMap { machine in
        definition.vms.first { $0.identifier == machine.vm }.map(names.machine)
      },
      defaults: names.defaults
    )
    report.requests = stored.requests
    report.verifications = stored.verifications
    report.rpoInSeconds = Self.rpoInSeconds(of: stored, since: began)
    return report
  }

  /// The recovered point's age when it was asked for.
  ///
  /// The point of a move is made when its VMs are off; of one that did not get that far there is
  /// none.
  private static func rpoInSeconds(of stored: StoredRecovery, since began: WallTime) -> Double? {
    guard case .move = stored.workflow.kind else {
      return max(0, began.seconds(since: stored.workflow.checkpoint.time))
    }
    let settling = words(.settleSource, stored.workflow)
    let hasSettled = stored.steps?.contains { $0.description == settling && $0.failure.isEmpty }
    return hasSettled == true ? 0 : nil
  }

  /// What is asked for to begin with.
  static func words(_ kind: RecoveryWorkflow.Kind) -> String {
    switch kind {
    case .test: "Begin a failover test"
    case .failover: "Begin a failover"
    case .move: "Begin a move"
    }
  }

  private static func kind(_ kind: RecoveryWorkflow.Kind) -> RecoveryReport.Kind {
    switch kind {
    case .test: .failoverTest
    case .failover: .failover
    case .move: .move
    }
  }

  /// What a step does, in words.
  static func words(_ step: RecoveryWorkflow.Step, _ workflow: RecoveryWorkflow) -> String {
    func name(_ machine: Int) -> String { workflow.machines[machine].name }
    return switch step {
    case .part: "Put the VMs that are left out into a VPG of their own"
    case .shutDownSource: "Shut the protected VMs down"
    case .settleSource: "Wait until their last write is in every journal"
    case .standDownSource: "Stand the protected VMs down"
    case .refuseWrites(let machine): "Refuse writes of \(name(machine))"
    case .openExport(let machine): "Open the disks of \(name(machine)) as of the checkpoint"
    case .awaitGuests(let machine):
      "Wait for the guest agents of "
        + workflow.groupBefore(machine).map(name).joined(separator: ", ")
    case .setAddresses(let machine): "Set the addresses of \(name(machine)) inside the guest"
    case .startVM(let machine): "Start \(name(machine))"
    case .promote(let machine): "Fold the journal of \(name(machine)) up to the checkpoint"
    case .adoptReplicas(let machine): "Move \(name(machine)) onto its disks"
    case .closeExport(let machine): "Close the disks of \(name(machine))"
    case .dropJournal(let machine): "End the journal of \(name(machine))"
    case .retireSource: "Retire the protected VMs"
    case .reverse: "Protect the recovered VMs in reverse"
    case .removeVM(let machine): "Remove \(name(machine))"
    case .acceptWrites(let machine): "Accept writes of \(name(machine))"
    case .standUpSource: "Bring the protected VMs back"
    case .runScript(let script): "Run the \(script.words)"
    }
  }

  /// The places of a VPG, by name.
  private struct Names {
    let inventory: Inventory
    let definition: VPGDefinition
    let isTest: Bool

    var defaults: RecoveryReport.Defaults {
      RecoveryReport.Defaults(
        hostName: host(definition.recovery.host),
        datastoreName: datastore(definition.recovery.datastore),
        networkName: network(
          isTest ? definition.networks.failoverTest : definition.networks.failover
        )
      )
    }

    func machine(_ vm: VPGDefinition.ProtectedVM) -> RecoveryReport.Machine {
      let fallback = isTest ? definition.networks.failoverTest : definition.networks.failover
      return RecoveryReport.Machine(
        name: vm.name,
        hostName: host(definition.recoveryHost(of: vm)),
        datastoreName: datastore(vm.datastore ?? definition.recovery.datastore),
        folderName: folder(vm.folder ?? definition.recovery.folder),
        networkNames: vm.nics.map { nic in
          network((isTest ? nic.failoverTest : nic.failover).network ?? fallback)
        },
        volumes: vm.volumes.map { volume in
          RecoveryReport.Volume(
            name: volume.identifier.rawValue,
            datastoreName: datastore(definition.recoveryDatastore(of: volume, in: vm))
          )
        }
      )
    }

    private func host(_ host: HostIdentifier?) -> String {
      inventory.hosts.first { $0.identifier == host }?.name ?? host?.rawValue ?? ""
    }

    private func datastore(_ datastore: DatastoreIdentifier?) -> String {
      inventory.datastores.first { $0.identifier == datastore }?.name ?? datastore?.rawValue ?? ""
    }

    private func network(_ network: NetworkIdentifier?) -> String {
      inventory.networks.first { $0.identifier == network }?.name ?? network?.rawValue ?? ""
    }

    private func folder(_ folder: FolderIdentifier?) -> String {
      inventory.folders.first { $0.identifier == folder }?.name ?? folder?.rawValue ?? ""
    }
  }
}
