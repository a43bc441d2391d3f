// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The state of a VPG as one glance shows it.
///
/// Numbers are the API's `VpgStatus`.
package enum VPGStatus: Int, Codable, Sendable, CaseIterable {
  case initializing = 0
  case meetingSLA = 1
  case notMeetingSLA = 2
  case rpoNotMeetingSLA = 3
  case historyNotMeetingSLA = 4
  case failingOver = 5
  case moving = 6
  case deleting = 7
  case recovered = 8
}

/// What a VPG is doing or waiting for.
///
/// Numbers are the API's `VpgSubStatus`.
package enum VPGSubstatus: Int, Codable, Sendable, CaseIterable {
  case none = 0
  case initialSync = 1
  case creating = 2
  case sync = 4
  case recoveryPossible = 5
  case deltaSync = 6
  case needsConfiguration = 7
  case error = 8
  case emptyProtectionGroup = 9
  case disconnectedFromPeerNoRecoveryPoints = 10
  case failingOverCommitting = 14
  case failingOverBeforeCommit = 15
  case failingOverRollingBack = 16
  case movingCommitting = 18
  case movingBeforeCommit = 19
  case movingRollingBack = 20
  case deleting = 21
  case bitmapSync = 23
  case disconnectedFromPeer = 24
  case replicationPausedByUser = 25
  case replicationPausedBySystem = 26
  case rollingBack = 29
  case recoveryStorageError = 30
  case journalStorageError = 31
  case vmNotProtectedError = 32
}

/// Where one stream stands.
///
/// Only an `ordered` stream makes checkpoints.
package enum SyncState: String, Codable, Sendable {
  /// No writes are being taken: the VM is off or its tap is not in place.
  case idle
  /// The first full copy; there is nothing to recover to yet.
  case initialSync
  /// Differing blocks, found by comparing hashes, go through the journal.
  case deltaSync
  /// Blocks known to be dirty go through the journal.
  case bitmapSync
  /// Every write is in the stream in the guest's order.
  case ordered
}

/// What the receiver has of a stream's disks, as far as its sender knows.
package enum RemoteCopy: String, Codable, Sendable {
  /// It has not said, or a sync is on its way.
  case unknown
  /// It has no complete copy, or has lost of what it once had.
  case partial
  /// All that syncs brought is durable there, and the stream is in order.
  case whole
}

/// An instant of a VPG at which all its streams are mutually consistent, durable in every
/// journal of the VPG.
package struct Checkpoint: Hashable, Codable, Sendable {
  package let identifier: CheckpointIdentifier
  package let time: WallTime
  /// The administrator's name for it; empty for the periodic ones.
  package let tag: String
  /// Whether the guests' file systems were at rest, frozen through their agents: what programs had
  /// handed to them is on the disks, and nothing half of it.
  package let isQuiesced: Bool

  package init(
    identifier: CheckpointIdentifier,
    time: WallTime,
    tag: String,
    isQuiesced: Bool = false
  ) {
    self.identifier = identifier
    self.time = time
    self.tag = tag
    self.isQuiesced = isQuiesced
  }

  /// Reads a checkpoint of any age: older ones were made without asking any guest.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    identifier = try values.decode(CheckpointIdentifier.self, forKey: .identifier)
    time = try values.decode(WallTime.self, forKey: .time)
    tag = try values.decode(String.self, forKey: .tag)
    isQuiesced = try values.decodeIfPresent(Bool.self, forKey: .isQuiesced) ?? false
  }
}
