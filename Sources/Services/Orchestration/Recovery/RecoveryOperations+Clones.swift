// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
package import RecoveryModel
internal import Store

// How a VPG's recoveries get on with its clones, and with others that read its journals.

extension RecoveryOperations {
  package func isCloning(_ vpg: VPGIdentifier) async -> Bool { await clones.isActive(vpg) }

  /// A clone reads a point that a commit would leave behind, so it is made of a VPG that is being
  /// protected, also during a test; a failover or a move may begin while it is made.
  func clone(
    _ wish: VPGOperation.Clone,
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    try await clones.refuseIfActive(definition.identifier, definition.name)
    if active[definition.identifier]?.workflow.kind != .test { try refuseIfBusy(definition) }
    let plan = try await plan(of: record, vms: wish.vms)
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let workflow = try plan.clone(wish, inventory)
    return try await clones.begin(workflow, of: definition.name, user: user)
  }

  /// A commit folds the journal past the points that others read, and cannot be taken back.
  func refuseCommitIfRead(_ definition: VPGDefinition) async throws(SiteError) {
    try await clones.refuseIfActive(definition.identifier, definition.name)
    try await searches.refuseIfActive(definition.identifier, definition.name)
    try await retentions.refuseIfActive(definition.identifier, definition.name)
    try await readers(of: definition).refuse(definition.vms, except: own(definition)) { vm in
      "The recovery of the VPG \(definition.name) cannot be committed: a point of the journal of "
        + "the VM \(vm.name)"
    }
  }

  /// Ends what would hold a commit up that nobody is asked about.
  func endReaders(of definition: VPGDefinition) async throws(SiteError) {
    try await readers(of: definition).end(definition.vms, except: own(definition))
  }

  private func readers(of definition: VPGDefinition) -> JournalReaders {
    JournalReaders(site: RecoverySite(context: context, definition: definition))
  }

  /// What the recovery itself has open.
  private func own(_ definition: VPGDefinition) -> Set<ExportIdentifier> {
    Set(active[definition.identifier]?.workflow.machines.map(\.export) ?? [])
  }
}
