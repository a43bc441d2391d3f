// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension ApplianceRoutes {
  /// POST ``ChangesRequest`` gives ``ChangesReply``.
  package static func changes(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/changes"
  }
}

/// Which bytes of a stream's disks were written between two points.
package struct ChangesRequest: Codable, Sendable, Equatable {
  package var earlier: ExportPoint
  package var later: ExportPoint
  /// Of each disk, the extents from the one of this number on.
  package var first: Int
  /// So many of them at most.
  package var limit: Int

  package init(earlier: ExportPoint, later: ExportPoint, first: Int, limit: Int) {
    self.earlier = earlier
    self.later = later
    self.first = first
    self.limit = limit
  }
}

/// What the journal's index says; no data was read for it.
package struct ChangesReply: Codable, Sendable, Equatable {
  /// The disks there are at the later point.
  package var volumes: [Volume]

  package init(volumes: [Volume]) { self.volumes = volumes }

  /// A disk and what was written of it.
  package struct Volume: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    package var target: String
    /// At the earlier point; 0 if the disk was not there.
    package var byteCountBefore: UInt64
    package var byteCount: UInt64
    package var changedByteCount: UInt64
    /// Of all extents, also those that are left out.
    package var extentCount: Int
    /// In order, with gaps between them.
    package var extents: [Extent]

    package init(
      identifier: VolumeIdentifier,
      target: String,
      byteCountBefore: UInt64,
      byteCount: UInt64,
      changedByteCount: UInt64,
      extentCount: Int,
      extents: [Extent]
    ) {
      self.identifier = identifier
      self.target = target
      self.byteCountBefore = byteCountBefore
      self.byteCount = byteCount
      self.changedByteCount = changedByteCount
      self.extentCount = extentCount
      self.extents = extents
    }
  }

  /// Bytes that follow each other.
  package struct Extent: Codable, Sendable, Equatable {
    package var offset: UInt64
    package var count: UInt64

    package init(offset: UInt64, count: UInt64) {
      self.offset = offset
      self.count = count
    }
  }
}
