// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

// Reverse protection: the recovered VMs become the protected ones, and what they left becomes their
// replicas.

extension RecoverySteps {
  /// Turns the VPG round.
  ///
  /// This site is its protected one from then on, and asks the other one for journals as for any
  /// VPG.
  func reverse(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    // Turned already, before a manager was killed: the way back has streams of its own.
    let turned = Set(workflow.machines.map(\.stream))
    guard definition.vms.contains(where: { turned.contains($0.stream) }),
      let reversal = workflow.reversal
    else { return }
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let reversed = try definition.reversed(
      workflow.machines,
      inventory.virtualMachines,
      reversal
    )
    // The other site has let go of the VPG since it was last heard of; until it says so, what it
    // said would look as if both protected it.
    await context.peers.forget(definition.identifier, at: definition.protectedSite)
    try await context.vpgs.update(definition.identifier) {
      $0 = VPGRecord(definition: reversed, phase: .protecting)
    }
    await context.events.record(
      .updateVPG,
      "The VPG \(definition.name) is protected in the other direction.",
      vpgs: [definition.identifier]
    )
    guard definition.retention?.isEnabled == true, reversed.retention == nil else { return }
    await context.events.record(
      .updateVPG,
      "No copies of the VPG \(definition.name) are made for years any more: its repository is not "
        + "one of the site that recovers it now. Give it a policy of that site.",
      succeeded: false,
      vpgs: [definition.identifier]
    )
  }
}

extension VPGDefinition {
  /// The definition of the way back: the recovered VMs, to where they came from.
  ///
  /// Tests of it have no network until somebody chooses one: none of the other site's is known to
  /// be apart from the rest.
  fileprivate func reversed(
    _ machines: [RecoveryWorkflow.Machine],
    _ recovered: [VirtualMachine],
    _ reversal: Reversal
  ) throws(SiteError) -> VPGDefinition {
    var result = self
    result.generation += 1
    (result.protectedSite, result.recoverySite) = (recoverySite, protectedSite)
    result.journal.datastore = nil
    result.scratch.datastore = nil
    // Its repository is one of the site that recovered until now.
    if !isWithinOneSite { result.retention = nil }
    result.vms = []
    for vm in vms {
      guard let machine = machines.first(where: { $0.stream == vm.stream }),
        let now = recovered.first(where: { $0.identifier == machine.recovered }),
        let old = reversal.vms.first(where: { $0.identifier == vm.identifier })
      else { throw .failed("The recovered VM \(vm.name) is not there.") }
      result.vms.append(vm.reversed(now, old))
    }
    let first = reversal.vms.first
    result.recovery = RecoveryDefaults(
      host: first?.host,
      datastore: first?.disks.first?.datastore,
      folder: reversal.folder
    )
    result.networks = DefaultNetworks()
    result.networks.failover = first?.networks.compactMap(\.self).first
    return result
  }
}

extension VPGDefinition.ProtectedVM {
  fileprivate func reversed(
    _ now: VirtualMachine,
    _ old: Reversal.VM
  ) -> VPGDefinition.ProtectedVM {
    var result = VPGDefinition.ProtectedVM(
      identifier: now.identifier,
      name: now.name,
      stream: StreamIdentifier(newGUID()),
      nics: now.nics.enumerated().map { index, nic in
        var place = VPGDefinition.ProtectedNIC(identifier: nic.identifier)
        if old.networks.indices.contains(index) { place.failover.network = old.networks[index] }
        return place
      },
      volumes: now.disks.enumerated().map { number, disk in
        let left = old.disks.first { $0.target == disk.target }
        var volume = VPGDefinition.ProtectedVolume(
          identifier: disk.identifier,
          number: number,
          target: disk.target,
          byteCount: disk.byteCount,
          datastore: left?.datastore
        )
        if let left, left.byteCount == disk.byteCount { volume.replicaPath = left.path }
        volume.isSwap = volumes.first { $0.target == disk.target }?.isSwap
        return volume
      },
      hardware: now.hardware
    )
    result.bootGroup = bootGroup
    result.host = old.host
    result.resourcePool = old.resourcePool
    result.datastore = old.disks.first?.datastore
    result.journal = journal
    result.journal?.datastore = nil
    result.scratch = scratch
    result.scratch?.datastore = nil
    return result
  }
}
