// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Store

/// Finding the last point of a VPG that passes a check, at the site that keeps its journals.
package protocol PointSearching: Sendable {
  func beginSearch(
    _ wish: PointSearchWish,
    in vpg: VPGIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier
  func abortSearch(in vpg: VPGIdentifier, user: String) async throws(SiteError) -> TaskIdentifier
  /// The search under way, or the last one.
  func search(in vpg: VPGIdentifier) async throws(SiteError) -> PointSearchView
}

/// What is searched for.
package struct PointSearchWish: Sendable, Equatable {
  package var check: PointCheck
  /// nil begins with the oldest point there is.
  package var oldest: CheckpointIdentifier?
  /// nil ends with the newest point there is.
  package var newest: CheckpointIdentifier?

  package init(
    check: PointCheck,
    oldest: CheckpointIdentifier? = nil,
    newest: CheckpointIdentifier? = nil
  ) {
    self.check = check
    self.oldest = oldest
    self.newest = newest
  }
}

/// A search, as far as it is.
package struct PointSearchView: Sendable, Equatable {
  package var workflow: PointSearchWorkflow
  package var user: String
  package var pointCount: Int
  package var began: WallTime
  package var ended: WallTime?
  package var task: TaskIdentifier?
  /// How it ended, in words; empty while it goes on.
  package var summary: String

  package init(
    workflow: PointSearchWorkflow,
    user: String,
    pointCount: Int,
    began: WallTime,
    ended: WallTime?,
    task: TaskIdentifier?,
    summary: String
  ) {
    self.workflow = workflow
    self.user = user
    self.pointCount = pointCount
    self.began = began
    self.ended = ended
    self.task = task
    self.summary = summary
  }
}

extension Site: PointSearching {
  package func beginSearch(
    _ wish: PointSearchWish,
    in vpg: VPGIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await recovery.beginSearch(wish, in: try await recoveredHere(vpg), user: user)
  }

  package func abortSearch(
    in vpg: VPGIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = try await recoveredHere(vpg).definition
    return try await recovery.abortSearch(in: vpg, of: definition.name, user: user)
  }

  package func search(in vpg: VPGIdentifier) async throws(SiteError) -> PointSearchView {
    let definition = try await recoveredHere(vpg).definition
    guard let view = await recovery.search(in: vpg) else {
      throw .notFound("No search was made in the VPG \(definition.name).")
    }
    return view
  }

  private func recoveredHere(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGRecord {
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    guard record.definition.recoverySite == context.site else {
      throw .conflict(
        "Points of the VPG \(record.definition.name) are tried at its recovery site: ask the "
          + "manager there."
      )
    }
    return record
  }
}
