// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A VPG and what this site knows about it beyond its definition.
package struct VPGRecord: Codable, Sendable, Equatable {
  package var definition: VPGDefinition
  package var isPaused: Bool
  package var lastTest: WallTime?
  /// The phase that survives restarts.
  package var phase: Phase
  /// At the protected site: VMs a failover shut down, to be started when it is rolled back.
  package var shutDown: [VMIdentifier]
  /// While it is being deleted: how.
  package var deletion: Deletion?
  /// At the protected site: disks that are left to other tools for a while.
  package var suspensions: [TapSuspension] = []
  /// At the protected site: disks of temporary data that the recovery site has, once and for all.
  package var settled: Set<SettledDisk> = []
  /// At the recovery site: the definition that the VPG is being changed to, which holds once all
  /// of it is in place.
  package var pending: VPGDefinition?
  /// At the protected site: changes whose tasks have not ended, newest first.
  package var changes: [Change] = []
  /// At the recovery site, of a failover or move that is committed: what was recovered.
  package var recovered: Recovered?
  /// At the recovery site, of a VPG with a policy: how far its scheduled copies are.
  package var retention: RetentionStanding?

  package init(
    definition: VPGDefinition,
    isPaused: Bool = false,
    lastTest: WallTime? = nil,
    phase: Phase = .protecting,
    shutDown: [VMIdentifier] = []
  ) {
    self.definition = definition
    self.isPaused = isPaused
    self.lastTest = lastTest
    self.phase = phase
    self.shutDown = shutDown
  }

  /// Notes something of the change of a task, if there is such a one.
  package mutating func note(_ task: TaskIdentifier, _ body: (inout Change) -> Void) {
    guard let index = changes.firstIndex(where: { $0.task == task }) else { return }
    body(&changes[index])
  }

  private enum CodingKeys: String, CodingKey {
    case definition, isPaused, lastTest, phase, shutDown, deletion, suspensions, settled
    case pending, changes, recovered, retention
  }

  private enum OlderKeys: String, CodingKey {
    case change
  }

  /// Reads a record of any age: what an older manager did not know is as if it was never used.
  ///
  /// Every member has its line here; one that is forgotten is lost when the manager starts again.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    definition = try values.decode(VPGDefinition.self, forKey: .definition)
    isPaused = try values.decode(Bool.self, forKey: .isPaused)
    lastTest = try values.decodeIfPresent(WallTime.self, forKey: .lastTest)
    phase = try values.decode(Phase.self, forKey: .phase)
    shutDown = try values.decode([VMIdentifier].self, forKey: .shutDown)
    deletion = try values.decodeIfPresent(Deletion.self, forKey: .deletion)
    suspensions = try values.decodeIfPresent([TapSuspension].self, forKey: .suspensions) ?? []
    settled = try values.decodeIfPresent(Set<SettledDisk>.self, forKey: .settled) ?? []
    pending = try values.decodeIfPresent(VPGDefinition.self, forKey: .pending)
    let older = try decoder.container(keyedBy: OlderKeys.self)
    changes =
      try values.decodeIfPresent([Change].self, forKey: .changes)
      ?? [older.decodeIfPresent(Change.self, forKey: .change)].compactMap(\.self)
    recovered = try values.decodeIfPresent(Recovered.self, forKey: .recovered)
    retention = try values.decodeIfPresent(RetentionStanding.self, forKey: .retention)
  }

  /// Where the VPG is in its life.
  package enum Phase: String, Codable, Sendable {
    case creating
    case protecting
    /// The VMs are shut down for a move, and what they wrote last is being sent.
    case handingOver
    case failingOver
    case recovered
    case deleting
  }

  /// What a failover or move made of a VPG's VMs.
  package struct Recovered: Codable, Sendable, Equatable {
    /// The point they were started from.
    package var checkpoint: Checkpoint
    /// The recovered VMs, by the protected ones.
    package var vms: [VMIdentifier: VMIdentifier]
    /// Whether they are being given up for the protected ones.
    package var isGivenUp = false

    package init(checkpoint: Checkpoint, vms: [VMIdentifier: VMIdentifier]) {
      self.checkpoint = checkpoint
      self.vms = vms
    }
  }

  /// A change of a VPG's definition whose task has not ended, so that it can be gone on with.
  package struct Change: Codable, Sendable, Equatable {
    /// The definition that was changed; the change made the one of the next generation.
    package var before: VPGDefinition
    /// What it makes of it, and the recovery site may have; nil once both sites have it.
    package var asked: VPGDefinition?
    package var task: TaskIdentifier
    package var user: String
    /// Why it was taken back; nil if it was not.
    package var failure: String?

    package init(
      before: VPGDefinition,
      asked: VPGDefinition?,
      task: TaskIdentifier,
      user: String
    ) {
      self.before = before
      self.asked = asked
      self.task = task
      self.user = user
    }
  }

  /// How a VPG is being deleted, so that it can be gone on with.
  package struct Deletion: Codable, Sendable, Equatable {
    package var keepsReplicas: Bool
    /// What the VPG is again if it cannot be deleted.
    package var phaseBefore: Phase

    package init(keepsReplicas: Bool, phaseBefore: Phase) {
      self.keepsReplicas = keepsReplicas
      self.phaseBefore = phaseBefore
    }
  }
}
