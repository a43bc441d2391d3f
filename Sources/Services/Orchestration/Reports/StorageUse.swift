// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// What VPGs take at this site: measured by the hypervisor and the appliances.
struct StorageUse: Sendable {
  let context: SiteContext

  func volumes(in inventory: Inventory) async throws(SiteError) -> [VolumeView] {
    var found: [VolumeView] = []
    for record in await context.vpgs.all() {
      let definition = record.definition
      for vm in definition.vms {
        if definition.protectedSite == context.site {
          found += protected(vm, definition, inventory)
        }
        if definition.recoverySite == context.site {
          found += await recovery(vm, definition, inventory)
        }
      }
    }
    return found
  }

  private func protected(
    _ vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition,
    _ inventory: Inventory
  ) -> [VolumeView] {
    guard let machine = inventory.virtualMachines.first(where: { $0.identifier == vm.identifier })
    else { return [] }
    return machine.disks.filter { disk in vm.volumes.contains { $0.identifier == disk.identifier } }
      .map { disk in
        VolumeView(
          kind: .protected,
          identifier: "\(vm.identifier).\(disk.identifier)",
          path: disk.path,
          usedByteCount: disk.allocatedByteCount,
          provisionedByteCount: disk.byteCount,
          datastore: inventory.datastores.first { $0.identifier == disk.datastore },
          vpg: definition.identifier,
          vpgName: definition.name,
          protectedVM: vm.identifier,
          protectedVMName: machine.name,
          owner: vm.identifier.rawValue,
          ownerName: machine.name
        )
      }
  }

  /// Replicas, the journal and the overlays of tests and failovers.
  private func recovery(
    _ vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition,
    _ inventory: Inventory
  ) async -> [VolumeView] {
    guard let journal = await context.appliances.journal(vm.stream) else { return [] }
    let appliance =
      definition.recoveryHost(of: vm).flatMap { context.appliances.appliance(on: $0) }?
      .identifier.rawValue ?? ""
    func view(
      _ kind: VolumeView.Kind,
      _ name: String,
      _ file: JournalStatus.File,
      provisioned: UInt64
    ) -> VolumeView {
      VolumeView(
        kind: kind,
        identifier: "\(vm.stream).\(name)",
        path: file.path,
        usedByteCount: file.byteCount,
        provisionedByteCount: provisioned,
        datastore: inventory.datastore(holding: file.path),
        vpg: definition.identifier,
        vpgName: definition.name,
        protectedVM: vm.identifier,
        protectedVMName: vm.name,
        owner: appliance,
        ownerName: appliance
      )
    }
    let sizes = Dictionary(vm.volumes.map { ($0.identifier, $0.byteCount) }) { first, _ in first }
    // Without a limit a journal may take what it takes.
    let limit = definition.journalLimits(of: vm).hardLimitByteCount(of: vm)
    return journal.files.map { file in
      switch file.kind {
      case .replica:
        view(.recovery, file.name, file, provisioned: sizes[VolumeIdentifier(file.name)] ?? 0)
      case .journal:
        view(.journal, "journal", file, provisioned: limit ?? file.byteCount)
      case .overlay:
        view(
          .scratch,
          "scratch.\(file.name)",
          file,
          provisioned: sizes[VolumeIdentifier(file.name)] ?? file.byteCount
        )
      }
    }
  }
}

extension Inventory {
  /// The datastore that a file or folder is on: the deepest one whose folder holds it.
  func datastore(holding path: String) -> Datastore? {
    datastores.filter { path.hasPrefix($0.path + "/") }.max { $0.path.count < $1.path.count }
  }
}
