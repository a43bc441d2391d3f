// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Where VMs that are recovered at this site could be recovered instead.
struct RelocationPlan: Sendable {
  let inventory: Inventory
  /// Those with an appliance.
  let hosts: Set<HostIdentifier>

  init(_ context: SiteContext) async throws(SiteError) {
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    hosts = context.appliances.hosts(of: inventory)
  }

  /// The definition with VMs on other hosts; see ``VPGDefinition/relocating(_:counterpart:)``.
  ///
  /// Datastores at one path may be one storage; the appliances find out whether they are.
  func relocating(
    _ machines: [VMIdentifier: HostIdentifier],
    in definition: VPGDefinition
  ) -> VPGDefinition {
    definition.relocating(machines) { datastore, host in
      guard let found = inventory.datastores.first(where: { $0.identifier == datastore }) else {
        return nil
      }
      return inventory.datastores.first { $0.host == host && $0.path == found.path }?.identifier
    }
  }

  /// Why a VM of the VPG cannot go to a host now; nil if nothing is known against it.
  func obstacle(of vm: VMIdentifier, in record: VPGRecord, to host: HostIdentifier) -> String? {
    let old = record.definition
    guard record.phase == .protecting else { return "the VPG \(old.name) is \(record.phase)" }
    var check = DefinitionCheck(relocating([vm: host], in: old))
    check.checkRelocation(from: old, inventory)
    check.checkRecovery(inventory, hostsWithAppliance: hosts)
    return check.problems.isEmpty ? nil : check.problems.joined(separator: "; ")
  }
}
