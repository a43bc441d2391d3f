// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
package import RecoveryModel
internal import Store

// How clones and recoveries of one VPG get on with each other.

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
    let plan = try await plan(of: record)
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let workflow = try plan.clone(wish, inventory)
    return try await clones.begin(workflow, of: definition.name, user: user)
  }

  /// A commit folds the journal past the point that a clone reads.
  func refuseCommitIfCloning(_ definition: VPGDefinition) async throws(SiteError) {
    try await clones.refuseIfActive(definition.identifier, definition.name)
  }
}
