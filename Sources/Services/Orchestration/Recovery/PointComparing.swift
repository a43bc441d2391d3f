// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel
internal import Store

/// What is different between two points of a VM, at the site that keeps its journal.
package protocol PointComparing: Sendable {
  /// Which bytes of a VM's disks were written from one checkpoint to a later one, by the journal's
  /// index alone.
  ///
  /// Of each disk, `limit` extents at most from the one of number `first` on.
  func changes(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    from earlier: CheckpointIdentifier,
    to later: CheckpointIdentifier,
    first: Int,
    limit: Int
  ) async throws(SiteError) -> ChangesReply
}

extension Site: PointComparing {
  package func changes(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    from earlier: CheckpointIdentifier,
    to later: CheckpointIdentifier,
    first: Int,
    limit: Int
  ) async throws(SiteError) -> ChangesReply {
    guard let definition = await context.vpgs.record(vpg)?.definition else {
      throw .notFound("There is no VPG \(vpg).")
    }
    guard definition.recoverySite == context.site else {
      throw .conflict(
        "Points of the VPG \(definition.name) are compared at its recovery site: ask the manager "
          + "there."
      )
    }
    guard let found = definition.vms.first(where: { $0.identifier == vm }) else {
      throw .notFound("The VPG \(definition.name) has no VM \(vm).")
    }
    return try await RecoverySite(context: context, definition: definition).appliance(of: found)
      .changes(
        of: found.stream,
        ChangesRequest(
          earlier: .checkpoint(earlier),
          later: .checkpoint(later),
          first: first,
          limit: limit
        )
      )
  }
}
