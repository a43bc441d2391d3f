// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

extension RecoveryProgress {
  /// What a workflow makes of its VPG's status.
  init(of workflow: RecoveryWorkflow) {
    switch workflow.kind {
    case .test:
      self.init(
        status: .meetingSLA,
        substatus: .none,
        testStage: Self.testStage(workflow.stage)
      )
    case .failover:
      self.init(status: .failingOver, substatus: Self.failoverSubstatus(workflow.stage))
    case .move:
      self.init(status: .moving, substatus: Self.moveSubstatus(workflow.stage))
    }
  }

  private static func testStage(_ stage: RecoveryWorkflow.Stage) -> String {
    switch stage {
    case .preparing: "Starting"
    case .running, .leaving: "Running"
    case .undoing, .undone, .committing, .committed: "Stopping"
    }
  }

  private static func failoverSubstatus(_ stage: RecoveryWorkflow.Stage) -> VPGSubstatus {
    switch stage {
    case .preparing: .none
    case .running, .leaving: .failingOverBeforeCommit
    case .committing, .committed: .failingOverCommitting
    case .undoing, .undone: .failingOverRollingBack
    }
  }

  private static func moveSubstatus(_ stage: RecoveryWorkflow.Stage) -> VPGSubstatus {
    switch stage {
    case .preparing: .none
    case .running, .leaving: .movingBeforeCommit
    case .committing, .committed: .movingCommitting
    case .undoing, .undone: .movingRollingBack
    }
  }
}
