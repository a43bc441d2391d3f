// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A piece of work an administrator or the system started, as the API shows it.
package struct TaskRecord: Codable, Sendable, Equatable {
  package var identifier: TaskIdentifier
  package var kind: Kind
  package var initiatedBy: String
  package var started: WallTime
  package var completed: WallTime?
  package var state: State
  /// 0...100; 100 exactly when completed.
  package var progress: Int
  /// Why it failed, in words for an operator; otherwise what scripts said, empty without any.
  package var completeReason: String
  package var isCancellable: Bool
  package var vpgs: [VPGIdentifier]
  package var sites: [SiteIdentifier]
  package var hosts: [HostIdentifier]
  /// Counts changes.
  package var generation: Int

  package init(
    identifier: TaskIdentifier,
    kind: Kind,
    initiatedBy: String,
    started: WallTime,
    vpgs: [VPGIdentifier] = [],
    sites: [SiteIdentifier] = [],
    hosts: [HostIdentifier] = []
  ) {
    self.identifier = identifier
    self.kind = kind
    self.initiatedBy = initiatedBy
    self.started = started
    self.completed = nil
    self.state = .inProgress
    self.progress = 0
    self.completeReason = ""
    self.isCancellable = false
    self.vpgs = vpgs
    self.sites = sites
    self.hosts = hosts
    self.generation = 1
  }

  /// Where the task stands.
  ///
  /// Numbers are the API's.
  package enum State: Int, Codable, Sendable, CaseIterable {
    case inProgress = 1
    case waitingForUserInput = 2
    case paused = 3
    case failed = 4
    case stopped = 5
    case completed = 6
    case cancelling = 7

    /// Whether the task will not change any more.
    package var isFinal: Bool {
      switch self {
      case .failed, .stopped, .completed: true
      case .inProgress, .waitingForUserInput, .paused, .cancelling: false
      }
    }
  }

  /// What the task does.
  ///
  /// Raw values are the API's task type names.
  package enum Kind: String, Codable, Sendable, CaseIterable {
    case createVPG = "CreateProtectionGroup"
    case updateVPG = "UpdateProtectionGroup"
    case removeVPG = "RemoveProtectionGroup"
    case failover = "FailOver"
    case failoverTest = "FailOverTest"
    case stopFailoverTest = "StopFailOverTest"
    case failoverCommit = "FailoverCommit"
    case failoverRollback = "FailoverRollback"
    case move = "Move"
    case moveCommit = "MoveCommit"
    case moveRollback = "MoveRollback"
    case clone = "Clone"
    case abortClone = "CloneAbort"
    case retain = "BackupProtectionGroup"
    case abortRetain = "AbortBackupProtectionGroup"
    case restore = "RestoreProtectionGroup"
    case restoreVM = "VmRestore"
    case commitVMRestore = "VmRestoreCommit"
    case rollBackVMRestore = "VmRestoreRollback"
    case insertTaggedCheckpoint = "InsertTaggedCP"
    case pauseVPG = "PauseProtectionGroup"
    case resumeVPG = "ResumeProtectionGroup"
    case forceSync = "InitFullSync"
    /// VMs are recovered on other hosts than before.
    case relocate = "MaintainHost"
    case installVRA = "InstallVra"
    case changeVRA = "UpdateVra"
    case uninstallVRA = "UninstallVra"
    case upgradeVRA = "UpgradeVRA"
    case pair = "Pair"
    case unpair = "Unpair"
  }
}
