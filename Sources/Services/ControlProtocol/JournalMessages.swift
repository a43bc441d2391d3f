// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Keep a journal and replicas for a stream of the other site.
package struct JournalRequest: Codable, Sendable, Equatable {
  package var vpg: VPGIdentifier
  /// The site whose appliances may send this stream.
  package var sourceSite: SiteIdentifier
  /// By number.
  ///
  /// Disks that were taken away have size 0 and keep their replica.
  package var volumes: [Volume]
  package var historyInSeconds: Int
  /// Above this the history is shortened.
  package var hardLimitInBytes: UInt64
  /// The folder of its own, on a datastore, that the journal is kept in; nil is the appliance's.
  ///
  /// A journal that is there, and replicas, are moved to other places that a request names; see
  /// ``JournalStatus/move``.
  package var journalFolder: String?

  package init(
    vpg: VPGIdentifier,
    sourceSite: SiteIdentifier,
    volumes: [Volume],
    historyInSeconds: Int,
    hardLimitInBytes: UInt64,
    journalFolder: String? = nil
  ) {
    self.vpg = vpg
    self.journalFolder = journalFolder
    self.sourceSite = sourceSite
    self.volumes = volumes
    self.historyInSeconds = historyInSeconds
    self.hardLimitInBytes = hardLimitInBytes
  }

  /// One disk and the raw file that becomes its replica.
  package struct Volume: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    package var target: String
    package var byteCount: UInt64
    package var replicaPath: String
    /// Set where a new journal's replica is an image that must be there already: the folder it has
    /// to be in.
    package var imageFolder: String?
    /// Whether the replica takes all its space at once and keeps it; nil is that it does not.
    package var isThick: Bool?

    package init(
      identifier: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      replicaPath: String,
      imageFolder: String? = nil,
      isThick: Bool? = nil
    ) {
      self.identifier = identifier
      self.target = target
      self.byteCount = byteCount
      self.replicaPath = replicaPath
      self.imageFolder = imageFolder
      self.isThick = isThick
    }
  }
}

/// Whether a journal takes new writes.
///
/// During a failover it does not: the sender is told so and keeps trying.
package struct AcceptRequest: Codable, Sendable, Equatable {
  package var isAccepting: Bool

  package init(isAccepting: Bool) { self.isAccepting = isAccepting }
}

/// Fold the journal into the replicas, exactly up to a checkpoint, for good.
///
/// The journal takes no more writes, and points before it are gone.
package struct PromoteRequest: Codable, Sendable, Equatable {
  package var checkpoint: CheckpointIdentifier

  package init(checkpoint: CheckpointIdentifier) { self.checkpoint = checkpoint }
}
