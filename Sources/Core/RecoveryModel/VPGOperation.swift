// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Something an administrator asks of an existing VPG.
///
/// It is carried out as a task by the manager of the site that owns it, whichever site it was asked
/// at.
package enum VPGOperation: Codable, Sendable, Equatable {
  case failoverTest(FailoverTest)
  case failoverTestStop(succeeded: Bool, summary: String)
  /// Stops a test for these VMs alone; a case of its own, so that no older release takes it for the
  /// stop of all.
  case failoverTestLeave(vms: [VMIdentifier], succeeded: Bool, summary: String)
  case failover(Failover)
  /// Without a wish for reverse protection that of the failover counts.
  case failoverCommit(reverseProtection: Bool?)
  case failoverRollback
  case move(Move)
  /// As for a failover; what becomes of the protected VMs likewise.
  case moveCommit(reverseProtection: Bool?, keepsSourceVMs: Bool?)
  case moveRollback
  case clone(Clone)
  case cloneAbort
  /// Copies a checkpoint, the latest if none is named, into the VPG's repository.
  case retain(CheckpointIdentifier?)
  case retainAbort
  /// Brings one VM back at the protected site.
  case restore(Restore)
  case restoreCommit(VMIdentifier)
  case restoreRollback(VMIdentifier)
  case pause
  case resume
  case forceSync
  case insertCheckpoint(tag: String)
  /// With the guests' file systems at rest if they can be brought to it, else an ordinary one.
  case insertQuiescedCheckpoint(tag: String)
  /// The definition's generation is one above that of the definition it was made of: if the VPG has
  /// another one by now, nothing is changed.
  case update(VPGDefinition)
  case delete(keepsRecoveryVolumes: Bool, force: Bool)
  /// Ends a ``SplitBrain``: this site keeps its VMs, and the other one gives its own up.
  case resolve(keeping: SiteIdentifier)

  /// What to test.
  ///
  /// Without a checkpoint the latest is taken, without VMs all.
  package struct FailoverTest: Codable, Sendable, Equatable {
    package var checkpoint: CheckpointIdentifier?
    package var vms: [VMIdentifier]

    package init(checkpoint: CheckpointIdentifier? = nil, vms: [VMIdentifier] = []) {
      self.checkpoint = checkpoint
      self.vms = vms
    }
  }

  /// How to fail over.
  ///
  /// Without a checkpoint the latest is taken, without VMs all.
  package struct Failover: Codable, Sendable, Equatable {
    package var checkpoint: CheckpointIdentifier?
    package var vms: [VMIdentifier]
    package var commitPolicy: CommitPolicy
    /// Time until the commit policy is carried out by itself, in seconds.
    package var commitDelayInSeconds: Int
    package var shutdownPolicy: ShutdownPolicy
    package var reverseProtection: Bool

    package init(
      checkpoint: CheckpointIdentifier? = nil,
      vms: [VMIdentifier] = [],
      commitPolicy: CommitPolicy = .none,
      commitDelayInSeconds: Int = 0,
      shutdownPolicy: ShutdownPolicy = .none,
      reverseProtection: Bool = false
    ) {
      self.checkpoint = checkpoint
      self.vms = vms
      self.commitPolicy = commitPolicy
      self.commitDelayInSeconds = commitDelayInSeconds
      self.shutdownPolicy = shutdownPolicy
      self.reverseProtection = reverseProtection
    }
  }

  /// How to move a VPG's VMs to the recovery site, with nothing lost.
  package struct Move: Codable, Sendable, Equatable {
    package var commitPolicy: CommitPolicy
    /// Time until the commit policy is carried out by itself, in seconds.
    package var commitDelayInSeconds: Int
    /// Whether the power is cut of a VM that does not shut down.
    package var forcesShutdown: Bool
    package var reverseProtection: Bool
    /// Whether the VMs of the protected site stay defined there, switched off, after the commit.
    ///
    /// With reverse protection they never do: their disks are replicas then.
    package var keepsSourceVMs: Bool
    /// Whether the move goes on if the script before it fails; nil is no.
    package var continuesOnScriptFailure: Bool?

    package init(
      commitPolicy: CommitPolicy = .none,
      commitDelayInSeconds: Int = 0,
      forcesShutdown: Bool = false,
      reverseProtection: Bool = false,
      keepsSourceVMs: Bool = true,
      continuesOnScriptFailure: Bool? = nil
    ) {
      self.commitPolicy = commitPolicy
      self.commitDelayInSeconds = commitDelayInSeconds
      self.forcesShutdown = forcesShutdown
      self.reverseProtection = reverseProtection
      self.keepsSourceVMs = keepsSourceVMs
      self.continuesOnScriptFailure = continuesOnScriptFailure
    }
  }

  /// What to clone.
  ///
  /// Without a checkpoint the latest is taken, without VMs all; without a datastore every disk is
  /// copied beside its replica.
  package struct Clone: Codable, Sendable, Equatable {
    package var checkpoint: CheckpointIdentifier?
    package var datastore: DatastoreIdentifier?
    package var vms: [VMIdentifier]

    package init(
      checkpoint: CheckpointIdentifier? = nil,
      datastore: DatastoreIdentifier? = nil,
      vms: [VMIdentifier] = []
    ) {
      self.checkpoint = checkpoint
      self.datastore = datastore
      self.vms = vms
    }
  }

  /// How to bring one VM back from its journal, where it is protected.
  ///
  /// Without a checkpoint the latest is taken.
  package struct Restore: Codable, Sendable, Equatable {
    package var vm: VMIdentifier
    package var checkpoint: CheckpointIdentifier?
    package var shutdownPolicy: ShutdownPolicy
    package var commitPolicy: CommitPolicy
    /// Time until the commit policy is carried out by itself, in seconds.
    package var commitDelayInSeconds: Int

    package init(
      vm: VMIdentifier,
      checkpoint: CheckpointIdentifier? = nil,
      shutdownPolicy: ShutdownPolicy = .none,
      commitPolicy: CommitPolicy = .none,
      commitDelayInSeconds: Int = 0
    ) {
      self.vm = vm
      self.checkpoint = checkpoint
      self.shutdownPolicy = shutdownPolicy
      self.commitPolicy = commitPolicy
      self.commitDelayInSeconds = commitDelayInSeconds
    }
  }

  /// What ends a failover, a move or the restore of a VM.
  ///
  /// Numbers are the API's.
  package enum CommitPolicy: Int, Codable, Sendable, CaseIterable {
    case rollback = 0
    case commit = 1
    /// Waits for a person.
    case none = 2
  }

  /// What happens to the protected VMs before theirs are started at the recovery site.
  ///
  /// Numbers are the API's.
  package enum ShutdownPolicy: Int, Codable, Sendable, CaseIterable {
    case none = 0
    case shutdown = 1
    case forceShutdown = 2
  }
}

extension VPGOperation {
  /// Whether the recovery site carries the operation out; the protected site does otherwise.
  package var runsAtRecoverySite: Bool {
    switch self {
    case .failoverTest, .failoverTestStop, .failoverTestLeave, .failover, .failoverCommit,
      .failoverRollback, .move, .moveCommit, .moveRollback, .clone, .cloneAbort, .retain,
      .retainAbort, .resolve:
      true
    case .restore, .restoreCommit, .restoreRollback, .pause, .resume, .forceSync,
      .insertCheckpoint, .insertQuiescedCheckpoint, .update, .delete:
      false
    }
  }
}
