// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct CloneWorkflowTests {
  /// Of two VMs with one disk each, the second with three times the data.
  private static func workflow() -> CloneWorkflow {
    var workflow = CloneWorkflow(
      identifier: "w",
      vpg: VPGIdentifier("v"),
      checkpoint: RecoveryWorkflowTests.checkpoint,
      machines: (0..<2).map { number in
        CloneWorkflow.Machine(
          stream: StreamIdentifier("s\(number)"),
          name: "vm\(number)",
          uuid: "u\(number)",
          export: ExportIdentifier("e\(number)"),
          disks: [
            CloneWorkflow.Disk(
              volume: VolumeIdentifier("d"),
              target: "vda",
              copy: CopyIdentifier("vda-u\(number)"),
              datastore: DatastoreIdentifier("one"),
              folder: "/one/vm\(number)"
            )
          ]
        )
      }
    )
    workflow.measured(0, [VolumeIdentifier("d"): 100])
    workflow.measured(1, [VolumeIdentifier("d"): 300])
    return workflow
  }

  private static let making: [CloneWorkflow.Step] = [
    .openExport(0), .openExport(1), .checkRoom, .copyDisk(0, 0), .copyDisk(1, 0), .defineVM(0),
    .defineVM(1), .closeExport(0), .closeExport(1),
  ]
  private static let undoing: [CloneWorkflow.Step] = [
    .removeVM(0), .removeVM(1), .deleteCopy(0, 0), .deleteCopy(1, 0), .closeExport(0),
    .closeExport(1),
  ]

  private static func drain(_ workflow: inout CloneWorkflow) -> [CloneWorkflow.Step] {
    var done: [CloneWorkflow.Step] = []
    while case .perform(let step) = workflow.nextAction {
      done.append(step)
      _ = workflow.stepDone()
    }
    return done
  }

  @Test func `all points are held before anything is copied, and until all VMs are defined`() {
    var workflow = Self.workflow()
    #expect(Self.drain(&workflow) == Self.making)
    #expect(workflow.stage == .completed)
    #expect(workflow.nextAction == .finish)
  }

  @Test(arguments: 0..<9) func `a step that is refused undoes everything, or is tried again`(
    count: Int
  ) {
    var workflow = Self.workflow()
    for _ in 0..<count { _ = workflow.stepDone() }
    let action = workflow.stepFailed(.refused("no"))
    if count < 7 {
      #expect(Self.drain(&workflow) == Self.undoing)
      #expect(workflow.stage == .undone)
      #expect(workflow.failure == "no")
    } else {
      #expect(action == .retry(Self.making[count]))
      #expect(workflow.stage == .copying)
    }
  }

  @Test(arguments: 0..<9) func `an abort undoes everything until the clone is complete`(
    count: Int
  ) {
    var workflow = Self.workflow()
    for _ in 0..<count { _ = workflow.stepDone() }
    #expect(workflow.abort() == (count < 7))
    guard count < 7 else { return }
    // The step that is under way ends, one way or the other.
    var other = workflow
    _ = workflow.stepDone()
    _ = other.stepFailed(count == 0 ? .away("gone") : .refused("ended"))
    #expect(workflow == other)
    #expect(Self.drain(&workflow) == Self.undoing)
    #expect(workflow.failure.isEmpty)
  }

  @Test func `who is away is waited for, and undoing is tried until it is done`() {
    var workflow = Self.workflow()
    #expect(workflow.stepFailed(.away("gone")) == .retry(.openExport(0)))
    _ = workflow.stepFailed(.refused("no"))
    #expect(workflow.stepFailed(.refused("busy")) == .retry(.removeVM(0)))
    #expect(workflow.failure == "no")
  }

  @Test func `progress is that of the bytes`() {
    var workflow = Self.workflow()
    for _ in 0..<3 { _ = workflow.stepDone() }
    #expect(workflow.progress() == 0)
    #expect(workflow.progress(copied: 50) == 12)
    _ = workflow.stepDone()
    #expect(workflow.progress() == 24)
    #expect(workflow.progress(copied: 300) == 99)
    _ = workflow.stepDone()
    #expect(workflow.progress() == 99)
  }
}
