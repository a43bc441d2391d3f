// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import RecoveryModel

extension ApplianceRoutes {
  /// POST ``PointReadRequest`` gives ``PointReadReply``.
  package static func pointData(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/data"
  }
  /// PUT ``OverlayRequest`` gives ``OverlayReply``; DELETE with `?path=` deletes the file.
  package static let overlays = "/v1/overlays"
  /// POST ``OverlayPiece``.
  package static let overlayPieces = "/v1/overlays/pieces"
  /// POST ``OverlayName``: the file has its name, complete and durable.
  package static let overlaySeals = "/v1/overlays/seals"
  /// POST ``OverlayName``: what it holds is in the disk below it, and it holds nothing.
  package static let overlayCommits = "/v1/overlays/commits"
}

extension PeerRoutes {
  /// POST ``PointChangesRequest`` gives ``ChangesReply``.
  package static func changes(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/changes" }
  /// POST ``PointReadRequest`` gives ``PointReadReply``.
  package static func pointData(_ vpg: VPGIdentifier) -> String { "/v1/vpgs/\(vpg)/data" }
}

/// What was written of a VM between two points, for the site that protects it.
package struct PointChangesRequest: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var changes: ChangesRequest

  package init(stream: StreamIdentifier, changes: ChangesRequest) {
    self.stream = stream
    self.changes = changes
  }
}

/// Bytes of a disk as of a point.
///
/// Nothing holds the point: one that retention has passed is an error.
package struct PointReadRequest: Codable, Sendable, Equatable {
  /// Bytes that are read at once, at most.
  package static let limit = 4 << 20

  package var stream: StreamIdentifier
  package var point: ExportPoint
  package var volume: VolumeIdentifier
  package var offset: UInt64
  package var count: Int

  package init(
    stream: StreamIdentifier,
    point: ExportPoint,
    volume: VolumeIdentifier,
    offset: UInt64,
    count: Int
  ) {
    self.stream = stream
    self.point = point
    self.volume = volume
    self.offset = offset
    self.count = count
  }
}

/// The bytes that were asked for, all of them.
package struct PointReadReply: Codable, Sendable, Equatable {
  package var bytes: Data

  package init(bytes: Data) { self.bytes = bytes }
}

/// Have an overlay over a disk that is filled piece by piece, before anybody uses it.
///
/// It is asked for again after everything: an appliance that was restarted meanwhile begins it
/// anew.
package struct OverlayRequest: Codable, Sendable, Equatable {
  /// What is written at once, and begins at multiples of it: a cluster of qcow2.
  package static let clusterByteCount: UInt64 = 1 << 16

  /// The qcow2 file; its folder is there.
  package var path: String
  package var basePath: String
  /// `raw` or `qcow2`.
  package var baseFormat: String
  /// Of the disk.
  package var byteCount: UInt64
  /// Parts of the disk it is asked about, in whole clusters.
  package var wanted: [ChangesReply.Extent]

  package init(
    path: String,
    basePath: String,
    baseFormat: String,
    byteCount: UInt64,
    wanted: [ChangesReply.Extent]
  ) {
    self.path = path
    self.basePath = basePath
    self.baseFormat = baseFormat
    self.byteCount = byteCount
    self.wanted = wanted
  }
}

/// What an overlay lacks.
package struct OverlayReply: Codable, Sendable, Equatable {
  /// Of the parts it was asked about; none of an overlay that has its name.
  package var missing: [ChangesReply.Extent]

  package init(missing: [ChangesReply.Extent]) { self.missing = missing }
}

/// Whole clusters of a disk; the disk's last one may be shorter.
package struct OverlayPiece: Codable, Sendable, Equatable {
  package var path: String
  package var offset: UInt64
  package var bytes: Data

  package init(path: String, offset: UInt64, bytes: Data) {
    self.path = path
    self.offset = offset
    self.bytes = bytes
  }
}

/// An overlay there is.
package struct OverlayName: Codable, Sendable, Equatable {
  package var path: String

  package init(path: String) { self.path = path }
}
