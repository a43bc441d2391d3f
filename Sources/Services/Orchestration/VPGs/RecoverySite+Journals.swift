// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

// What the site's appliances are asked to keep of a VPG.

extension RecoverySite {
  /// Has the appliances keep the VPG's journals as its definition says.
  ///
  /// - Returns: Where each stream is to be sent.
  func keepJournals(
    _ inventory: Inventory
  ) async throws(SiteError) -> [StreamIdentifier: PrepareReply.StreamTarget] {
    var targets: [StreamIdentifier: PrepareReply.StreamTarget] = [:]
    for vm in definition.vms {
      let host = try host(of: vm)
      guard let appliance = context.appliances.appliance(on: host) else {
        throw .invalid("No appliance is installed on the recovery host \(host).")
      }
      let request = try journalRequest(for: vm, inventory)
      try await context.appliances.client(for: appliance.identifier)
        .keepJournal(vm.stream, request)
      targets[vm.stream] = PrepareReply.StreamTarget(
        host: appliance.streamHost,
        port: appliance.streamPort
      )
    }
    return targets
  }

  func journalRequest(
    for vm: VPGDefinition.ProtectedVM,
    _ inventory: Inventory
  ) throws(SiteError) -> JournalRequest {
    let shortIdentifier = definition.identifier.rawValue.prefix(8)
    var volumes: [JournalRequest.Volume] = []
    let former = Set(vm.formerVolumes.map(\.number))
    var targets: Set<String> = []
    for volume in (vm.volumes + vm.formerVolumes).sorted(by: { $0.number < $1.number }) {
      let wish = definition.recoveryDatastore(of: volume, in: vm)
      guard let datastore = inventory.datastores.first(where: { $0.identifier == wish }) else {
        throw .invalid("The recovery datastore of the VM \(vm.name) is not there.")
      }
      let isThere = !former.contains(volume.number)
      // Another disk that was at the same place before has the plain name.
      let isFirst = targets.insert(volume.target).inserted
      let name = isFirst ? volume.target : "\(volume.target)-\(volume.number)"
      let path =
        volume.replicaPath ?? volume.preseed?.file(on: datastore)
        ?? "\(datastore.path)/\(vm.folderName)/\(shortIdentifier)-\(name).raw"
      if isThere { try refuseInUse(path, datastore, inventory) }
      volumes.append(
        JournalRequest.Volume(
          identifier: volume.identifier,
          target: volume.target,
          byteCount: isThere ? volume.byteCount : 0,
          replicaPath: path,
          imageFolder: volume.preseed == nil ? nil : datastore.path,
          isThick: volume.isThin == false ? true : nil
        )
      )
    }
    return JournalRequest(
      vpg: definition.identifier,
      sourceSite: definition.protectedSite,
      volumes: volumes,
      historyInSeconds: definition.policy.journalHistoryInHours * 3600,
      hardLimitInBytes: definition.journalLimitInBytes(of: vm),
      journalFolder: try journalFolder(of: vm, inventory)
    )
  }

  /// The folder of a VM's journal on the datastore that was chosen for it; nil if none was.
  private func journalFolder(
    of vm: VPGDefinition.ProtectedVM,
    _ inventory: Inventory
  ) throws(SiteError) -> String? {
    guard let wish = definition.journalLimits(of: vm).datastore else { return nil }
    guard let datastore = inventory.datastores.first(where: { $0.identifier == wish }) else {
      throw .invalid("The journal datastore of the VM \(vm.name) is not there.")
    }
    return "\(datastore.path)/\(vm.folderName)/journal-\(vm.stream)"
  }

  /// A disk that a VM has, or a file that is none of the datastore's, is not made a replica.
  ///
  /// Also where the path is of our own choosing: a VM that was recovered for good has its replica
  /// as its disk, and its VPG may be forgotten here while the other site still has it.
  private func refuseInUse(
    _ path: String,
    _ datastore: Inventory.Datastore,
    _ inventory: Inventory
  ) throws(SiteError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard path.hasPrefix("\(datastore.path)/"), !parts.contains("..") else {
      throw .invalid("The disk \(path) is not on the datastore \(datastore.name).")
    }
    for vm in inventory.virtualMachines where vm.disks.contains(where: { $0.path == path }) {
      throw .conflict(
        "The disk \(path) is one of the VM \(vm.name), so it cannot become a replica."
      )
    }
  }
}

extension VPGDefinition {
  /// What a VM's journal may take; without a limit as much as there is.
  func journalLimitInBytes(of vm: ProtectedVM) -> UInt64 {
    journalLimits(of: vm).hardLimitByteCount(of: vm) ?? .max
  }
}
