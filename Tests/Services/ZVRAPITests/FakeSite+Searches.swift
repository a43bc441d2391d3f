// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel

/// A search that has made one probe.
extension FakeSite {
  func beginSearch(
    _ wish: PointSearchWish,
    in vpg: VPGIdentifier,
    user: String
  ) throws(SiteError) -> TaskIdentifier {
    guard vpg == Self.vpg else { throw .notFound("There is no VPG \(vpg).") }
    wishes.append(wish)
    return TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000e1")
  }

  func abortSearch(in vpg: VPGIdentifier, user: String) throws(SiteError) -> TaskIdentifier {
    TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000e2")
  }

  func search(in vpg: VPGIdentifier) throws(SiteError) -> PointSearchView {
    guard let wish = wishes.last else { throw .notFound("No search was made.") }
    var workflow = PointSearchWorkflow(
      identifier: "s",
      vpg: vpg,
      check: wish.check,
      oldest: wish.oldest,
      newest: CheckpointIdentifier(.max)
    )
    let point = workflow.choose(of: Self.checkpoints)
    var probe = RecoveryWorkflow(
      identifier: "p",
      kind: .test,
      vpg: vpg,
      checkpoint: point ?? Self.checkpoints[0],
      machines: [
        .init(
          vm: Self.web,
          stream: StreamIdentifier("s"),
          name: "web1",
          uuid: "u",
          export: ExportIdentifier("e")
        )
      ]
    )
    _ = probe.stepDone()
    workflow.begin(probe, at: Self.time)
    workflow.stepDone(at: Self.time)
    workflow.checked(.init(hasPassed: true, finding: "it answered"))
    while workflow.probe != nil { workflow.stepDone(at: Self.time) }
    return PointSearchView(
      workflow: workflow,
      user: "admin",
      pointCount: Self.checkpoints.count,
      began: Self.time,
      ended: nil,
      task: TaskIdentifier("6b1f2c0e-0000-4000-8000-0000000000e1"),
      summary: ""
    )
  }
}
