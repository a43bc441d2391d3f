// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What a script is run for, as its environment says.
struct ScriptSubject: Sendable {
  var operation: String
  /// Of the recovery, the search or the copy.
  var identifier: String
  var checkpoint: Checkpoint
  /// Whether what goes on does so though its script before failed.
  var isForced = false
  var isTest = false
  /// Of the VMs.
  var names: [String]
  /// That they have when they are recovered; empty where they are not.
  var uuids: [String]
}

extension ScriptSubject {
  init(_ workflow: RecoveryWorkflow) {
    self.init(
      operation: workflow.scriptOperation,
      identifier: workflow.identifier,
      checkpoint: workflow.checkpoint,
      isForced: workflow.kind.isForced,
      isTest: workflow.kind == .test,
      names: workflow.machines.map(\.name),
      uuids: workflow.machines.map(\.uuid)
    )
  }
}
