// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

// What the protected site has.

extension DefinitionCheck {
  /// Checks the VMs, and fills in what they are made of.
  ///
  /// `old` is the definition that is being changed: the disks of its VMs stay as they are, unless
  /// the definition `followsDisks`. That makes the VMs' streams anew.
  mutating func complete(
    by inventory: Inventory,
    others: [VPGRecord],
    appliances: ApplianceDirectory,
    changing old: VPGDefinition?,
    followsDisks: Bool
  ) {
    for index in definition.vms.indices {
      let wish = definition.vms[index]
      let kept = old?.vms.first { $0.identifier == wish.identifier }
      let found = inventory.virtualMachines.first { $0.identifier == wish.identifier }
      switch (kept, found) {
      case (let kept?, let found):
        definition.vms[index] = completeKept(wish, kept, found)
        if let old { leaveFormerPlaces(at: index, kept, old) }
        // The disks of one that is off are synced once it runs, and taken then.
        if followsDisks, let found, found.power != .off { definition.vms[index].take(found.disks) }
      case (nil, let found?):
        checkNew(found, appliances)
        definition.vms[index] = completeNew(wish, found)
        checkHolders(of: definition.vms[index], others)
      case (nil, nil):
        note(Self.member(wish), "the protected site has no VM \(wish.identifier)")
      }
    }
  }

  private mutating func checkNew(
    _ vm: VirtualMachine,
    _ appliances: ApplianceDirectory
  ) {
    let member = "Vms[\(vm.name)]"
    if appliances.appliance(on: vm.host) == nil {
      note(member, "no appliance is installed on the host of the VM")
    }
    for tie in vm.ties ?? [] { note(member, "the VM could not run on another host: \(tie)") }
    if vm.disks.isEmpty { note(member, "the VM has no disks, so there is nothing to protect") }
  }

  /// Checks once more what other VPGs may stand in the way of, which may have changed since.
  mutating func checkBeside(_ others: [VPGRecord], changing old: VPGDefinition?) {
    checkName(others)
    for vm in definition.vms
    where old?.vms.contains(where: { $0.identifier == vm.identifier }) != true {
      checkHolders(of: vm, others)
    }
  }

  /// A VM may be in several VPGs, each to a site of its own.
  ///
  /// One that is being changed may be among `others` twice.
  private mutating func checkHolders(
    of vm: VPGDefinition.ProtectedVM,
    _ others: [VPGRecord]
  ) {
    var holders: [VPGDefinition] = []
    for other in others where other.phase != .recovered {
      let holder = other.definition
      guard holder.identifier != definition.identifier,
        holder.protectedSite == definition.protectedSite,
        holder.vms.contains(where: { $0.identifier == vm.identifier }),
        !holders.contains(where: { $0.identifier == holder.identifier })
      else { continue }
      holders.append(holder)
    }
    let member = Self.member(vm)
    for other in holders where other.recoverySite == definition.recoverySite {
      note(
        member,
        "the VM is protected to that site already, by the VPG \(other.name); another VPG has to go "
          + "to another site"
      )
    }
    if holders.count >= Self.vpgLimitOfVM {
      note(
        member,
        "a VM can be in \(Self.vpgLimitOfVM) VPGs at most; it is in "
          + holders.map(\.name).joined(separator: ", ")
      )
    }
  }

  private mutating func completeNew(
    _ wish: VPGDefinition.ProtectedVM,
    _ vm: VirtualMachine
  ) -> VPGDefinition.ProtectedVM {
    for volume in wish.volumes
    where !vm.disks.contains(where: { $0.identifier == volume.identifier }) {
      note("Vms[\(vm.name)].Volumes", "the VM has no disk \(volume.identifier)")
    }
    var result = wish
    if result.stream.rawValue.isEmpty { result.stream = StreamIdentifier(newGUID()) }
    result.volumes = vm.disks.enumerated().map { number, disk in
      var volume =
        wish.volumes.first { $0.identifier == disk.identifier }
        ?? VPGDefinition.ProtectedVolume(
          identifier: disk.identifier,
          number: number,
          target: disk.target,
          byteCount: disk.byteCount
        )
      (volume.number, volume.target, volume.byteCount) = (number, disk.target, disk.byteCount)
      return volume
    }
    completeHardware(&result, vm)
    return result
  }

  /// A VM that is in the VPG already: what is not there at the moment is as it was.
  private mutating func completeKept(
    _ wish: VPGDefinition.ProtectedVM,
    _ kept: VPGDefinition.ProtectedVM,
    _ vm: VirtualMachine?
  ) -> VPGDefinition.ProtectedVM {
    for volume in wish.volumes
    where !kept.volumes.contains(where: { $0.identifier == volume.identifier }) {
      note(
        "\(Self.member(kept)).Volumes",
        "the disk \(volume.identifier) is not protected; take the VM out of the VPG and add it "
          + "again"
      )
    }
    var result = wish
    result.stream = kept.stream
    result.volumes = kept.volumes.map { volume in
      var wished = wish.volumes.first { $0.identifier == volume.identifier } ?? volume
      (wished.number, wished.target, wished.byteCount) = (
        volume.number, volume.target, volume.byteCount
      )
      wished.replicaPath = volume.replicaPath
      return wished
    }
    result.formerVolumes = kept.formerVolumes
    (result.name, result.hardware) = (kept.name, kept.hardware)
    result.replicaFolder = kept.replicaFolder
    guard let vm else { return result }
    // The replicas stay in the folder they are in.
    if vm.name != kept.name { result.replicaFolder = kept.folderName }
    completeHardware(&result, vm)
    return result
  }

  /// A replica that goes to another datastore has no place of its own choosing there.
  private mutating func leaveFormerPlaces(
    at index: Int,
    _ kept: VPGDefinition.ProtectedVM,
    _ old: VPGDefinition
  ) {
    let vm = definition.vms[index]
    guard definition.recoveryHost(of: vm) == old.recoveryHost(of: kept) else { return }
    for (number, volume) in vm.volumes.enumerated() {
      guard let same = kept.volumes.first(where: { $0.identifier == volume.identifier }),
        definition.recoveryDatastore(of: volume, in: vm)
          != old.recoveryDatastore(of: same, in: kept)
      else { continue }
      definition.vms[index].volumes[number].replicaPath = nil
      if volume.preseed == same.preseed { definition.vms[index].volumes[number].preseed = nil }
    }
  }

  private mutating func completeHardware(
    _ result: inout VPGDefinition.ProtectedVM,
    _ vm: VirtualMachine
  ) {
    let wished = result.nics
    for nic in wished where !vm.nics.contains(where: { $0.identifier == nic.identifier }) {
      // A card that was taken from the VM since has nothing left to be set.
      guard nic != VPGDefinition.ProtectedNIC(identifier: nic.identifier) else { continue }
      note("Vms[\(vm.name)].Nics", "the VM has no network card \(nic.identifier)")
    }
    (result.name, result.hardware) = (vm.name, vm.hardware)
    result.nics = vm.nics.map { nic in
      wished.first { $0.identifier == nic.identifier }
        ?? VPGDefinition.ProtectedNIC(identifier: nic.identifier)
    }
  }
}
