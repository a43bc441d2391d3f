// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

/// Where the recovery site keeps things for a VPG's VMs.
struct RecoverySite: Sendable {
  let context: SiteContext
  let definition: VPGDefinition

  /// The appliance that keeps a VM's journal.
  func appliance(of vm: VPGDefinition.ProtectedVM) throws(SiteError) -> any ApplianceControl {
    try context.appliances.client(on: try host(of: vm))
  }

  func host(of vm: VPGDefinition.ProtectedVM) throws(SiteError) -> HostIdentifier {
    guard let host = definition.recoveryHost(of: vm) else {
      throw .invalid("The VM \(vm.name) has no recovery host.")
    }
    return host
  }

  /// The folder for the writes of a recovered VM that is neither committed nor removed.
  ///
  /// It goes away with the export.
  func scratchFolder(
    of vm: VPGDefinition.ProtectedVM,
    for export: ExportIdentifier
  ) async throws(SiteError) -> String {
    let wish =
      vm.scratch?.datastore ?? definition.scratch.datastore ?? vm.datastore
      ?? definition.recovery.datastore
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    guard let found = inventory.datastores.first(where: { $0.identifier == wish }) else {
      throw .notFound("The recovery datastore of the VM \(vm.name) is not there.")
    }
    return "\(found.path)/understudy-\(export)"
  }

  /// The checkpoints the VPG can be recovered to: those that every journal holds, oldest first; or
  /// those to which `vms` alone can be, if all of them are in the VPG.
  ///
  /// A VPG that is just being made has none: its journals are not there yet.
  func checkpoints(of vms: [VMIdentifier] = []) async throws(SiteError) -> [Checkpoint] {
    var common: [Checkpoint]?
    let chosen = definition.vms.filter { vms.contains($0.identifier) }
    for vm in chosen.isEmpty || chosen.count < Set(vms).count ? definition.vms : chosen {
      let held: [Checkpoint]
      do { held = try await appliance(of: vm).checkpoints(of: vm.stream) } catch {
        guard case .notFound = error else { throw error }
        return []
      }
      if let earlier = common {
        let identifiers = Set(held.map(\.identifier))
        common = earlier.filter { identifiers.contains($0.identifier) }
      } else {
        common = held
      }
    }
    return common ?? []
  }
}
