// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Begin a sync that takes only what the hypervisor's maps of changes name.
///
/// From the reply on all writes are kept, so maps that are closed after it miss nothing.
package struct BeginSyncRequest: Codable, Sendable, Equatable {
  /// What the other site had acknowledged when the oldest map was begun.
  package var changesFloor: UInt64
  /// Whether the maps tell of the whole disks; else they go on with a sync that was interrupted.
  package var isWhole: Bool

  package init(changesFloor: UInt64, isWhole: Bool = true) {
    self.changesFloor = changesFloor
    self.isWhole = isWhole
  }
}

/// The sync that has begun.
package struct BeginSyncReply: Codable, Sendable, Equatable {
  /// What ``SyncRequest/generation`` must say; nil if nothing was begun, because the other site's
  /// copy must be compared as a whole.
  package var generation: UInt64?

  package init(generation: UInt64?) { self.generation = generation }
}

/// Bring the other site's copy up to date from the disks' content.
///
/// All taps must be ready.
package struct SyncRequest: Codable, Sendable, Equatable {
  package var pullSocketPath: String
  /// The export name of each disk on the pull socket.
  package var exportNames: [VolumeIdentifier: String]
  /// For a sync begun by ``BeginSyncRequest``, its generation; nil compares the disks as a whole.
  package var generation: UInt64?
  /// NBD metadata contexts of the exports that name the changed blocks; a disk without one is
  /// compared as a whole.
  package var changes: [VolumeIdentifier: String]
  /// Bytes of each of these disks that its context tells of; what is behind is compared.
  package var known: [VolumeIdentifier: UInt64]
  /// Whether a sync that loses its order ends and is asked for again, so that it goes on by maps;
  /// else one of the disks as a whole begins anew by itself.
  package var isAskedAgain: Bool
  /// Whether disks of a stream that is in order are compared all the same.
  package var isForced: Bool

  package init(
    pullSocketPath: String,
    exportNames: [VolumeIdentifier: String],
    generation: UInt64? = nil,
    changes: [VolumeIdentifier: String] = [:],
    known: [VolumeIdentifier: UInt64] = [:],
    isAskedAgain: Bool = false,
    isForced: Bool = false
  ) {
    self.pullSocketPath = pullSocketPath
    self.exportNames = exportNames
    self.generation = generation
    self.changes = changes
    self.known = known
    self.isAskedAgain = isAskedAgain
    self.isForced = isForced
  }
}
