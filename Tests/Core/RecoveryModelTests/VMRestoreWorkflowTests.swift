// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct VMRestoreWorkflowTests {
  private static let vm = VMIdentifier("vm-1")

  private static func workflow() -> VMRestoreWorkflow {
    VMRestoreWorkflow(
      identifier: "r",
      vpg: VPGIdentifier("v"),
      vm: vm,
      stream: StreamIdentifier("s"),
      name: "web1",
      host: HostIdentifier("h"),
      checkpoint: checkpoint(1),
      disks: [],
      wish: .init(vm: vm),
      wasRunning: true
    )
  }

  private static func checkpoint(_ number: UInt64) -> Checkpoint {
    Checkpoint(
      identifier: CheckpointIdentifier(number),
      time: WallTime(milliseconds: Int64(number)),
      tag: ""
    )
  }

  /// Carries steps out until there is nothing to do.
  private static func run(_ workflow: inout VMRestoreWorkflow) -> [VMRestoreWorkflow.Step] {
    var steps: [VMRestoreWorkflow.Step] = []
    while let step = workflow.step {
      steps.append(step)
      workflow.stepDone()
    }
    return steps
  }

  private static let forward: [VMRestoreWorkflow.Step] = [
    .copy, .shutDown, .settle, .copyRest, .layOverlays, .start,
  ]
  private static let back: [VMRestoreWorkflow.Step] = [
    .takeOverlays, .startAgain, .deleteOverlays,
  ]

  @Test func `the VM is off only while the rest is copied, and then waits to be looked at`() {
    var workflow = Self.workflow()
    let steps = Self.run(&workflow)
    #expect(steps == Self.forward)
    #expect(workflow.stage == .running)
    let isCommitting = workflow.commit()
    #expect(isCommitting)
    let rest = Self.run(&workflow)
    #expect(rest == [.commitOverlays, .deleteOverlays])
    #expect(workflow.stage == .committed)
    let cannot = (workflow.rollBack(), workflow.commit(), workflow.abort())
    #expect(cannot == (false, false, false))
  }

  @Test func `a rollback has the VM run on its own disks before the overlays go`() {
    var workflow = Self.workflow()
    _ = Self.run(&workflow)
    let isUndoing = workflow.rollBack()
    #expect(isUndoing)
    let steps = Self.run(&workflow)
    #expect(steps == Self.back)
    #expect(workflow.stage == .undone)
    #expect(workflow.failure.isEmpty)
  }

  @Test(arguments: forward.indices)
  func `a step that fails undoes what was begun, and leaves alone a VM that was not touched`(
    failing: Int
  ) {
    var workflow = Self.workflow()
    for _ in 0..<failing { workflow.stepDone() }
    let isRetried = workflow.stepFailed("the other site is away")
    #expect(!isRetried)
    let steps = Self.run(&workflow)
    #expect(steps == (failing == 0 ? [.deleteOverlays] : Self.back))
    #expect(workflow.stage == .undone)
    #expect(workflow.failure == "the other site is away")
  }

  @Test(arguments: [true, false])
  func `what undoes or commits is tried until it is done`(commits: Bool) {
    var workflow = Self.workflow()
    _ = Self.run(&workflow)
    let isDecided = commits ? workflow.commit() : workflow.rollBack()
    #expect(isDecided)
    while let step = workflow.step {
      let isRetried = workflow.stepFailed("not now")
      #expect(isRetried)
      #expect(workflow.step == step)
      workflow.stepDone()
    }
    #expect(workflow.stage == (commits ? .committed : .undone))
    #expect(workflow.failure.isEmpty)
  }

  @Test(arguments: forward.indices)
  func `it can be aborted until the VM runs, and the step under way ends first`(during: Int) {
    var workflow = Self.workflow()
    for _ in 0..<during { workflow.stepDone() }
    let isAborted = workflow.abort()
    #expect(isAborted)
    #expect(workflow.step == Self.forward[during])
    workflow.stepDone()
    let steps = Self.run(&workflow)
    #expect(steps == (during == 0 ? [.deleteOverlays] : Self.back))
    #expect(workflow.stage == .undone)
  }

  @Test func `progress grows with the steps and with what is copied`() {
    var workflow = Self.workflow()
    #expect(workflow.progress() == 0)
    #expect(workflow.progress(part: 0.5) == 8)
    workflow.stepDone()
    #expect(workflow.progress() == 16)
    _ = Self.run(&workflow)
    #expect(workflow.progress() == 99)
  }
}
