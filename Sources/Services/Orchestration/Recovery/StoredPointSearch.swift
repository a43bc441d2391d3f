// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// A search for the last good point as the store keeps it: also when it is over, until the next
/// one of its VPG.
struct StoredPointSearch: DurableJob {
  static let words = DurableJobWords(
    kind: "pointSearch",
    name: "search",
    task: .failoverTest,
    abortTask: .stopFailoverTest,
    event: .stopFailoverTest
  )

  var workflow: PointSearchWorkflow
  var course: DurableJobCourse
  /// How many points there were to look at.
  var pointCount: Int
  var began: WallTime

  init(workflow: PointSearchWorkflow, user: String, pointCount: Int, began: WallTime) {
    self.workflow = workflow
    course = DurableJobCourse(user: user)
    self.pointCount = pointCount
    self.began = began
  }

  var identifier: String { workflow.identifier }
  var isKept: Bool { true }
  var vpg: VPGIdentifier { workflow.vpg }
  var subject: VPGIdentifier { workflow.vpg }
  var isOver: Bool { workflow.isOver && workflow.probing == nil }
  var isAborted: Bool { workflow.isAborted }
  var progress: Int { workflow.progress(of: pointCount) }
  var failure: String { workflow.failure }

  var summary: String {
    let search = workflow.search
    guard workflow.failure.isEmpty else { return workflow.failure }
    if let reason = course.abortReason { return reason }
    let probes = search.probes.count == 1 ? "1 probe" : "\(search.probes.count) probes"
    return switch (search.lastGood, search.firstBad) {
    case (let good?, let bad?):
      "The last good point is checkpoint \(good.identifier); \(bad.identifier) fails (\(probes))."
    case (let good?, nil): "Every point passes, up to checkpoint \(good.identifier) (\(probes))."
    case (nil, let bad?): "No point passes: \(bad.identifier) is the oldest (\(probes))."
    case (nil, nil): "There was no point to try."
    }
  }

  mutating func abort() -> Bool { workflow.abort() }
}

/// The searches for last good points that this site makes as the recovery site.
///
/// No failover test is beside one, because its probes are such.
typealias PointSearches = DurableJobs<StoredPointSearch>

extension PointSearches {
  func refuseIfActive(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard !isActive(vpg) else { throw .conflict(Self.isBusy(name)) }
  }

  func begin(_ search: StoredPointSearch, of name: String) async throws(SiteError)
    -> TaskIdentifier
  { try await begin(search, refusal: Self.isBusy(name)) }

  func abort(_ vpg: VPGIdentifier, of name: String, user: String) async throws(SiteError)
    -> TaskIdentifier
  {
    try await abort(
      vpg,
      because: "The search was aborted by \(user).",
      user: user,
      refusal: "The VPG \(name) has no search under way that could be aborted."
    )
  }

  private static func isBusy(_ name: String) -> String {
    "The last good point of the VPG \(name) is being searched for; wait for the end or abort it "
      + "first."
  }
}
