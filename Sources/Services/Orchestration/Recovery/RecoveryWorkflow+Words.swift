// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// What the kinds of recovery are called in the store, in events and in tasks.

extension RecoveryWorkflow.Kind {
  /// The name in the store.
  var name: String {
    switch self {
    case .test: "failoverTest"
    case .failover: "failover"
    case .move: "move"
    }
  }

  /// What ends the recovery by itself, after so many seconds; nil for a test, which only a person
  /// ends.
  var policy: (VPGOperation.CommitPolicy, delayInSeconds: Int)? {
    switch self {
    case .test: nil
    case .failover(let wish): (wish.commitPolicy, wish.commitDelayInSeconds)
    case .move(let wish): (wish.commitPolicy, wish.commitDelayInSeconds)
    }
  }

  /// Whether the recovered VMs are to be protected in reverse.
  var reverses: Bool {
    switch self {
    case .test: false
    case .failover(let wish): wish.reverseProtection
    case .move(let wish): wish.reverseProtection
    }
  }

  /// The operation that ends the recovery.
  func decision(commits: Bool) -> VPGOperation {
    switch self {
    case .test: .failoverTestStop(succeeded: true, summary: "")
    case .failover: commits ? .failoverCommit(reverseProtection: nil) : .failoverRollback
    case .move:
      commits ? .moveCommit(reverseProtection: nil, keepsSourceVMs: nil) : .moveRollback
    }
  }

  /// The event when the VMs run, or those that have not left.
  func resting(without left: [String]) -> (EventRecord.Kind, String) {
    switch self {
    case .test where !left.isEmpty:
      (
        .stopFailoverTest,
        "The failover test was stopped for \(left.joined(separator: ", ")), and goes on for the "
          + "others."
      )
    case .test: (.failoverTest, "The failover test runs.")
    case .failover: (.failoverBeforeCommit, "The failover waits for its commit or rollback.")
    case .move: (.moveBeforeCommit, "The move waits for its commit or rollback.")
    }
  }

  /// The event at the end.
  func ended(isCommitted: Bool) -> (EventRecord.Kind, String) {
    switch self {
    case .test: (.stopFailoverTest, "The failover test was stopped.")
    case .failover:
      isCommitted
        ? (.failoverCommit, "The failover was committed.")
        : (.failoverRollback, "The failover was rolled back.")
    case .move:
      isCommitted
        ? (.moveCommit, "The move was committed.") : (.moveRollback, "The move was rolled back.")
    }
  }
}

extension RecoveryWorkflow.Script {
  var words: String {
    switch self {
    case .preRecovery: "pre-recovery script"
    case .postRecovery: "post-recovery script"
    }
  }

  /// The event when it has ended.
  var event: EventRecord.Kind {
    switch self {
    case .preRecovery: .preScript
    case .postRecovery: .postScript
    }
  }
}

extension RecoveryWorkflow {
  /// The VMs for which a test was stopped while it went on for others, by name.
  var namesOfLeft: [String] { machines.filter { $0.leave == .done }.map(\.name) }

  func names(of vms: Set<VMIdentifier>) -> String {
    machines.filter { vms.contains($0.vm) }.map(\.name).joined(separator: ", ")
  }
}

extension RecoveryWorkflow.Request {
  /// What was asked for, in words.
  func words(_ workflow: RecoveryWorkflow) -> String {
    switch self {
    case .stopTest: "Stop the failover test"
    case .leaveTest(let vms): "Stop the failover test of \(workflow.names(of: vms))"
    case .commit(let reversal):
      reversal == nil ? "Commit the failover" : "Commit the failover, and protect in reverse"
    case .commitMove(_, let reversal):
      reversal == nil ? "Commit the move" : "Commit the move, and protect in reverse"
    case .rollBack: "Roll the failover back"
    case .rollBackMove: "Roll the move back"
    }
  }

  /// What there has to be for the request to make sense.
  var subject: String {
    switch self {
    case .stopTest, .leaveTest: "failover test running"
    case .commit, .rollBack: "failover waiting for a decision"
    case .commitMove, .rollBackMove: "move waiting for a decision"
    }
  }
}
