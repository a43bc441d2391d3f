// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel
internal import Scripts
package import Store

// How searches for good points and recoveries of one VPG get on with each other.

extension RecoveryOperations {
  /// What was found in a VPG that is gone is of no use.
  func loadSearch(_ search: StoredPointSearch) async throws(SiteError) {
    let isOfUse = await context.vpgs.record(search.vpg) != nil
    if search.course.ended == nil || isOfUse { return await searches.load(search) }
    do { try await context.store.removeWorkflow(search.identifier) } catch {
      throw SiteError(error)
    }
  }

  package func isSearching(_ vpg: VPGIdentifier) async -> Bool { await searches.isActive(vpg) }

  /// The probes are failover tests, so that none may be there, nor anything that replaces the VMs.
  package func beginSearch(
    _ wish: PointSearchWish,
    in record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    try await searches.refuseIfActive(definition.identifier, definition.name)
    try refuseIfBusy(definition)
    if let script = wish.check.script { try refuse(script) }
    let plan = try await plan(of: record)
    if let files = wish.check.files { _ = try plan.chosen(files.map(\.vm)) }
    for bound in [wish.oldest, wish.newest].compactMap(\.self) { _ = try plan.checkpoint(bound) }
    let latest = try plan.checkpoint(nil)
    let workflow = PointSearchWorkflow(
      identifier: UUID().uuidString.lowercased(),
      vpg: definition.identifier,
      check: wish.check,
      oldest: wish.oldest,
      newest: wish.newest ?? latest.identifier
    )
    let count = workflow.points(of: plan.checkpoints).count
    guard count > 0 else { throw .invalid("There is no point between the two that are named.") }
    return try await searches.begin(
      StoredPointSearch(
        workflow: workflow,
        user: user,
        pointCount: count,
        began: context.now()
      ),
      of: definition.name
    )
  }

  /// A script that is not there would be found out after three probes.
  private func refuse(_ script: PointCheck.Script) throws(SiteError) {
    guard let scripts = context.scripts else { throw .invalid("This site runs no scripts.") }
    do throws(ScriptError) { try scripts.folders?.check(script.command) } catch {
      throw .invalid(error.message)
    }
  }

  package func abortSearch(
    in vpg: VPGIdentifier,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await searches.abort(vpg, of: name, user: user)
  }

  package func search(in vpg: VPGIdentifier) async -> PointSearchView? {
    await searches.job(of: vpg).map { stored in
      PointSearchView(
        workflow: stored.workflow,
        user: stored.course.user,
        pointCount: stored.pointCount,
        began: stored.began,
        ended: stored.course.ended,
        task: stored.course.task,
        summary: stored.course.ended == nil ? "" : stored.summary
      )
    }
  }
}
