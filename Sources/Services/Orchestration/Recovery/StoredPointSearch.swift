// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Store

/// A search for the last good point as the store keeps it: also when it is over, until the next
/// one of its VPG.
struct StoredPointSearch: Codable, Sendable, Equatable {
  /// What sets it apart from recoveries in the store.
  static let kind = "pointSearch"

  var workflow: PointSearchWorkflow
  var user: String
  /// How many points there were to look at.
  var pointCount: Int
  var began: WallTime
  var ended: WallTime?
  /// The task that drives the workflow.
  var task: TaskIdentifier?
  /// Why it was aborted; nil if it was not.
  var abortReason: String?
  /// The task of the person who aborted it.
  var abortTask: TaskIdentifier?

  init(workflow: PointSearchWorkflow, user: String, pointCount: Int, began: WallTime) {
    self.workflow = workflow
    self.user = user
    self.pointCount = pointCount
    self.began = began
  }

  init(_ record: WorkflowRecord) throws(SiteError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(record.state.utf8))
    } catch {
      throw .failed("The stored search \(record.identifier) cannot be read: \(error).")
    }
  }

  func record() throws(SiteError) -> WorkflowRecord {
    do {
      return WorkflowRecord(
        identifier: workflow.identifier,
        vpg: workflow.vpg,
        kind: Self.kind,
        state: String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
      )
    } catch {
      throw .failed("The search cannot be stored: \(error).")
    }
  }

  /// How it ended, in words.
  var words: String {
    let search = workflow.search
    guard workflow.failure.isEmpty else { return workflow.failure }
    if let abortReason { return abortReason }
    let probes = search.probes.count == 1 ? "1 probe" : "\(search.probes.count) probes"
    return switch (search.lastGood, search.firstBad) {
    case (let good?, let bad?):
      "The last good point is checkpoint \(good.identifier); \(bad.identifier) fails (\(probes))."
    case (let good?, nil): "Every point passes, up to checkpoint \(good.identifier) (\(probes))."
    case (nil, let bad?): "No point passes: \(bad.identifier) is the oldest (\(probes))."
    case (nil, nil): "There was no point to try."
    }
  }
}
