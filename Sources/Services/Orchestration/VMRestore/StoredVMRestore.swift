// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// The restore of one VM as the store keeps it: once on its way to a running VM, and once more from
/// the decision on, each under a task of its own.
///
/// It is kept while the VM runs on its overlays.
struct StoredVMRestore: DurableJob {
  static let words = DurableJobWords(
    kind: "vmRestore",
    name: "restore of a VM",
    task: .restoreVM,
    abortTask: .rollBackVMRestore,
    event: .restore
  )

  /// One of its own for each of the two.
  var identifier: String
  var workflow: VMRestoreWorkflow
  var vpgName: String
  /// It ends when the workflow comes to its rest, from which a commit policy's time counts.
  var course: DurableJobCourse

  init(workflow: VMRestoreWorkflow, vpgName: String, user: String) {
    identifier = newGUID()
    self.workflow = workflow
    self.vpgName = vpgName
    course = DurableJobCourse(user: user)
  }

  var vpg: VPGIdentifier { workflow.vpg }
  var subject: VPGIdentifier { workflow.vpg }
  var isOver: Bool { workflow.stage.isResting }
  var isAborted: Bool { workflow.isAborted }
  var isKept: Bool { workflow.stage == .running }
  var progress: Int { workflow.progress() }
  var failure: String { workflow.failure }

  /// Whether nothing of it is left, on the VM or beside it.
  var isGone: Bool { course.ended != nil && workflow.stage.isFinal }

  var taskKind: TaskRecord.Kind {
    switch workflow.stage {
    case .preparing, .running: .restoreVM
    case .committing, .committed: .commitVMRestore
    case .undoing, .undone: .rollBackVMRestore
    }
  }

  var summary: String {
    let vm = "The VM \(workflow.name) of the VPG \(vpgName)"
    switch workflow.stage {
    case .running:
      return
        "\(vm) runs as of checkpoint \(workflow.checkpoint.identifier). Commit that, or roll it "
        + "back."
    case .committed: return "\(vm) stays as of checkpoint \(workflow.checkpoint.identifier)."
    case .undone where !failure.isEmpty: return "\(vm) was not restored: \(failure)"
    case .undone: return course.abortReason ?? "\(vm) is again as it was before it was restored."
    case .preparing, .committing, .undoing: return "\(vm) is being restored."
    }
  }

  mutating func abort() -> Bool { workflow.abort() }
}

/// The VMs that this site restores.
typealias VMRestores = DurableJobs<StoredVMRestore>
