// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Which instant of a stream an export is of.
package enum ExportPoint: Codable, Sendable, Hashable {
  case checkpoint(CheckpointIdentifier)
  /// As of this record of the VM's stream.
  case sequence(SequenceNumber)
  /// As of the last record that is not later, by the protected host's clock.
  case time(WallTime)
}

/// Offer a stream's disks as of a point, read only, for a recovery each with a fresh qcow2 overlay.
///
/// The point is held: retention does not pass it while the export is open. An export survives
/// restarts of the appliance.
package struct ExportRequest: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var point: ExportPoint
  /// The folder the overlays are made in; it is made if missing.
  ///
  /// Without one there are no overlays.
  package var overlayFolder: String?

  package init(stream: StreamIdentifier, point: ExportPoint, overlayFolder: String?) {
    self.stream = stream
    self.point = point
    self.overlayFolder = overlayFolder
  }
}

/// Where the export's disks are.
package struct ExportReply: Codable, Sendable, Equatable {
  package var socketPath: String
  /// The last record that the disks have.
  package var sequence: SequenceNumber
  /// When that record was made, by the protected host's clock; nil if only the replicas have it.
  package var time: WallTime?
  package var volumes: [Volume]

  package init(
    socketPath: String,
    sequence: SequenceNumber,
    time: WallTime?,
    volumes: [Volume]
  ) {
    self.socketPath = socketPath
    self.sequence = sequence
    self.time = time
    self.volumes = volumes
  }

  /// One disk of the export; its export name is the volume identifier.
  package struct Volume: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    package var target: String
    /// Empty if no overlays were asked for.
    package var overlayPath: String
    package var replicaPath: String

    package init(
      identifier: VolumeIdentifier,
      target: String,
      overlayPath: String,
      replicaPath: String
    ) {
      self.identifier = identifier
      self.target = target
      self.overlayPath = overlayPath
      self.replicaPath = replicaPath
    }

    /// The overlay on the replica through which a VM gets from its overlay on the export to the
    /// replica; empty if no overlays were asked for.
    package var adoptionPath: String { overlayPath.isEmpty ? "" : overlayPath + ".adopting" }
  }
}

/// An export there is.
package struct ExportStatus: Codable, Sendable, Equatable {
  package var identifier: ExportIdentifier
  package var request: ExportRequest
  package var reply: ExportReply
  /// False if it could not be opened again after a restart.
  package var isServed: Bool

  package init(
    identifier: ExportIdentifier,
    request: ExportRequest,
    reply: ExportReply,
    isServed: Bool
  ) {
    self.identifier = identifier
    self.request = request
    self.reply = reply
    self.isServed = isServed
  }
}

/// Copy one disk of an open export to a raw file of its own, zeroes left out.
///
/// Asked again, the copy goes on, and the answer says how far it is. The file has its name, which
/// follows from the copy's, once it is complete and durable.
package struct CopyRequest: Codable, Sendable, Equatable {
  package var export: ExportIdentifier
  package var volume: VolumeIdentifier
  /// The folder the file is made in; it is made if missing.
  package var folder: String

  package init(export: ExportIdentifier, volume: VolumeIdentifier, folder: String) {
    self.export = export
    self.volume = volume
    self.folder = folder
  }
}

/// How far a copy is.
package struct CopyReply: Codable, Sendable, Equatable {
  /// Bytes that were copied so far; zeroes do not count.
  package var copiedByteCount: UInt64
  package var isComplete: Bool
  /// Why the copy ended before it was complete; empty otherwise.
  package var failure: String

  package init(copiedByteCount: UInt64 = 0, isComplete: Bool = false, failure: String = "") {
    self.copiedByteCount = copiedByteCount
    self.isComplete = isComplete
    self.failure = failure
  }
}
