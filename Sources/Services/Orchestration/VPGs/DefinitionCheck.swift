// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Whether a VPG's definition can be carried out: what each site has is compared with what the
/// definition names, and the first thing that is wrong is said by its name.
struct DefinitionCheck {
  let definition: VPGDefinition

  private static let historyInHours = 1...720
  private static let rpoInSeconds = 1...86_400
  private static let checkpointIntervalInSeconds = 1...3600

  // MARK: What needs no site

  /// `others` are the VPGs of this site; the definition's own may be among them.
  func checkItself(others: [VPGRecord]) throws(SiteError) {
    let name = definition.name
    guard !name.allSatisfy(\.isWhitespace) else { throw .invalid("The VPG has no name.") }
    for other in others
    where other.definition.identifier != definition.identifier
      && other.definition.name.lowercased() == name.lowercased()
    {
      throw .invalid("There is a VPG named \(other.definition.name) already.")
    }
    guard definition.protectedSite != definition.recoverySite else {
      throw .invalid("The VPG \(name) names the same site twice.")
    }
    try checkPolicy()
    try checkLimits(definition.journal, "The journal of the VPG \(name)")
    try checkLimits(definition.scratch, "The scratch space of the VPG \(name)")
    guard !definition.vms.isEmpty else { throw .invalid("The VPG \(name) has no VMs.") }
    var seen: Set<VMIdentifier> = []
    let groups = Set(definition.bootGroups.map(\.identifier))
    for vm in definition.vms {
      guard seen.insert(vm.identifier).inserted else {
        throw .invalid("The VM \(vm.identifier) is listed twice.")
      }
      if let group = vm.bootGroup, !groups.contains(group) {
        throw .invalid("The VM \(vm.name) names an unknown boot group \(group).")
      }
      if let limits = vm.journal { try checkLimits(limits, "The journal of the VM \(vm.name)") }
      if let limits = vm.scratch {
        try checkLimits(limits, "The scratch space of the VM \(vm.name)")
      }
    }
  }

  private func checkPolicy() throws(SiteError) {
    let policy = definition.policy
    try require(policy.journalHistoryInHours, in: Self.historyInHours, "journal history in hours")
    try require(policy.rpoTargetInSeconds, in: Self.rpoInSeconds, "RPO in seconds")
    try require(
      policy.checkpointIntervalInSeconds,
      in: Self.checkpointIntervalInSeconds,
      "checkpoint interval in seconds"
    )
    guard policy.testIntervalInMinutes >= 0 else {
      throw .invalid("The test interval cannot be negative.")
    }
  }

  private func require(
    _ value: Int,
    in range: ClosedRange<Int>,
    _ what: String
  ) throws(SiteError) {
    guard range.contains(value) else {
      throw .invalid(
        "The \(what) is \(value); it can be \(range.lowerBound) to \(range.upperBound)."
      )
    }
  }

  private func checkLimits(
    _ limits: VPGDefinition.StorageLimits,
    _ what: String
  ) throws(SiteError) {
    for (megabytes, percent) in [
      (limits.hardLimitInMB, limits.hardLimitInPercent),
      (limits.warningThresholdInMB, limits.warningThresholdInPercent),
    ] {
      guard megabytes == nil || percent == nil else {
        throw .invalid("\(what) is limited in megabytes and in percent; choose one.")
      }
      guard (megabytes ?? 0) >= 0, (percent ?? 0) >= 0 else {
        throw .invalid("\(what) has a negative limit.")
      }
    }
  }

  // MARK: The protected site

  /// Checks the VMs, and fills in what they are made of.
  ///
  /// - Returns: The definition with the VMs' names, hardware, disks and cards as they are now.
  func completed(
    by inventory: Inventory,
    others: [VPGRecord],
    appliances: ApplianceDirectory
  ) throws(SiteError) -> VPGDefinition {
    var definition = definition
    for index in definition.vms.indices {
      let wish = definition.vms[index]
      guard let vm = inventory.virtualMachines.first(where: { $0.identifier == wish.identifier })
      else { throw .invalid("The protected site has no VM \(wish.identifier).") }
      for other in others
      where other.definition.identifier != definition.identifier && other.phase != .recovered
        && other.definition.protectedSite == definition.protectedSite
        && other.definition.vms.contains(where: { $0.identifier == vm.identifier })
      {
        throw .invalid(
          "The VM \(vm.name) is protected already, by the VPG \(other.definition.name)."
        )
      }
      guard appliances.appliance(on: vm.host) != nil else {
        throw .invalid("No appliance is installed on the host of the VM \(vm.name).")
      }
      definition.vms[index] = try complete(wish, from: vm)
    }
    return definition
  }

  private func complete(
    _ wish: VPGDefinition.ProtectedVM,
    from vm: VirtualMachine
  ) throws(SiteError) -> VPGDefinition.ProtectedVM {
    guard !vm.disks.isEmpty else {
      throw .invalid("The VM \(vm.name) has no disks, so there is nothing to protect.")
    }
    for volume in wish.volumes
    where !vm.disks.contains(where: { $0.identifier == volume.identifier }) {
      throw .invalid("The VM \(vm.name) has no disk \(volume.identifier).")
    }
    for nic in wish.nics where !vm.nics.contains(where: { $0.identifier == nic.identifier }) {
      throw .invalid("The VM \(vm.name) has no network card \(nic.identifier).")
    }
    var result = wish
    result.name = vm.name
    result.hardware = vm.hardware
    if result.stream.rawValue.isEmpty { result.stream = StreamIdentifier(newGUID()) }
    result.volumes = vm.disks.map { disk in
      VPGDefinition.ProtectedVolume(
        identifier: disk.identifier,
        target: disk.target,
        byteCount: disk.byteCount,
        datastore: wish.volumes.first { $0.identifier == disk.identifier }?.datastore
      )
    }
    result.nics = vm.nics.map { nic in
      wish.nics.first { $0.identifier == nic.identifier }
        ?? VPGDefinition.ProtectedNIC(identifier: nic.identifier)
    }
    return result
  }

  // MARK: The recovery site

  /// `hosts` are those of the recovery site that have an appliance.
  func checkRecovery(_ inventory: Inventory, hostsWithAppliance hosts: Set<HostIdentifier>)
    throws(SiteError)
  {
    let definition = definition
    try known(definition.recovery.folder, inventory.folders.map(\.identifier), "folder")
    try known(definition.networks.failover, inventory.networks.map(\.identifier), "network")
    try known(definition.networks.failoverTest, inventory.networks.map(\.identifier), "network")
    for datastore in [
      definition.recovery.datastore, definition.journal.datastore, definition.scratch.datastore,
    ] {
      try known(datastore, inventory.datastores.map(\.identifier), "datastore")
    }
    try known(definition.recovery.host, inventory.hosts.map(\.identifier), "host")
    for vm in definition.vms { try checkRecovery(of: vm, inventory, hosts) }
  }

  private func checkRecovery(
    of vm: VPGDefinition.ProtectedVM,
    _ inventory: Inventory,
    _ hosts: Set<HostIdentifier>
  ) throws(SiteError) {
    guard let host = definition.recoveryHost(of: vm) else {
      throw .invalid("No recovery host is given for the VM \(vm.name).")
    }
    try known(host, inventory.hosts.map(\.identifier), "host")
    guard hosts.contains(host) else {
      throw .invalid("No appliance is installed on the recovery host \(host).")
    }
    let datastores = inventory.datastores.map(\.identifier)
    for volume in vm.volumes {
      guard let datastore = definition.recoveryDatastore(of: volume, in: vm) else {
        throw .invalid(
          "No recovery datastore is given for the disk \(volume.identifier) of the VM \(vm.name)."
        )
      }
      try known(datastore, datastores, "datastore")
    }
    for datastore in [vm.datastore, vm.journal?.datastore, vm.scratch?.datastore] {
      try known(datastore, datastores, "datastore")
    }
    try known(vm.folder, inventory.folders.map(\.identifier), "folder")
    for nic in vm.nics {
      for network in [nic.failover.network, nic.failoverTest.network] {
        try known(network, inventory.networks.map(\.identifier), "network")
      }
    }
  }

  private func known<Name: Identifier>(
    _ name: Name?,
    _ all: [Name],
    _ what: String
  ) throws(SiteError) {
    guard let name, !all.contains(name) else { return }
    throw .invalid("The recovery site has no \(what) \(name).")
  }
}
