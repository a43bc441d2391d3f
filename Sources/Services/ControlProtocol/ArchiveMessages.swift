// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// Long-term retention: what a manager has the appliance do that keeps the journals. Requests carry
// the repository with its secrets; an appliance keeps neither beyond the call or the copy.

extension ApplianceRoutes {
  /// POST ``RepositoryRequest`` gives ``RepositoryReply``.
  package static let repository = "/v1/repository"
  /// POST ``SnapshotListRequest`` gives ``[ArchivedDisk]``, without sizes.
  package static let snapshots = "/v1/repository/snapshots"
  /// POST ``ForgetRequest``; the answer comes when the room is given back.
  package static let forget = "/v1/repository/forget"
  /// PUT ``ArchiveRequest`` gives ``ArchiveReply``; DELETE ends it and forgets how it ended.
  package static func archive(_ copy: CopyIdentifier) -> String { "/v1/archives/\(copy)" }
  /// PUT ``RestoreRequest`` gives ``CopyReply``; ``copy(_:)`` deletes it.
  package static func restore(_ copy: CopyIdentifier) -> String { "/v1/restores/\(copy)" }
}

/// A repository of restic, and what opens it.
package struct ArchiveRepository: Codable, Sendable, Equatable {
  /// A folder's absolute path, or `s3:https://host/bucket/path`.
  package var location: String
  package var password: String
  /// For S3.
  package var accessKey: AccessKey?

  package init(location: String, password: String, accessKey: AccessKey? = nil) {
    self.location = location
    self.password = password
    self.accessKey = accessKey
  }

  /// Who may use a bucket.
  package struct AccessKey: Codable, Sendable, Equatable {
    package var identifier: String
    package var secret: String
    /// Empty where the server has none.
    package var region: String

    package init(identifier: String, secret: String, region: String) {
      self.identifier = identifier
      self.secret = secret
      self.region = region
    }
  }
}

/// What logs may have of it.
extension ArchiveRepository: CustomStringConvertible {
  package var description: String { location }
}

/// Make a repository, or look whether it is there, is the right one and can be written.
package struct RepositoryRequest: Codable, Sendable, Equatable {
  package var repository: ArchiveRepository
  /// Whether it is to be made; one that is there is refused then.
  package var isNew: Bool

  package init(repository: ArchiveRepository, isNew: Bool) {
    self.repository = repository
    self.isNew = isNew
  }
}

/// A repository that works.
package struct RepositoryReply: Codable, Sendable, Equatable {
  /// Tells it from every other, wherever it is mounted.
  package var identifier: String
  /// As it is stored.
  package var usedByteCount: UInt64
  /// Of the file system it is on; nil where nobody can say.
  package var capacityByteCount: UInt64?
  package var freeByteCount: UInt64?
  /// Nil where nobody can say.
  package var lock: RetentionRepository.Lock?

  package init(
    identifier: String,
    usedByteCount: UInt64,
    capacityByteCount: UInt64?,
    freeByteCount: UInt64?,
    lock: RetentionRepository.Lock? = nil
  ) {
    self.identifier = identifier
    self.usedByteCount = usedByteCount
    self.capacityByteCount = capacityByteCount
    self.freeByteCount = freeByteCount
    self.lock = lock
  }
}

/// Copy one disk of an open export into a repository, all of it.
///
/// Asked again, the copy goes on, and the answer says how far it is. An appliance that ended
/// meanwhile begins anew: what an earlier try may have left is found by its tags.
package struct ArchiveRequest: Codable, Sendable, Equatable {
  package var repository: ArchiveRepository
  package var export: ExportIdentifier
  package var volume: VolumeIdentifier
  /// By which it is asked for: `vda.raw`.
  package var name: String
  /// The VM, as a person reads it who has restic alone.
  package var host: String
  package var tags: [String]
  /// Of the checkpoint.
  package var time: WallTime

  package init(
    repository: ArchiveRepository,
    export: ExportIdentifier,
    volume: VolumeIdentifier,
    name: String,
    host: String,
    tags: [String],
    time: WallTime
  ) {
    self.repository = repository
    self.export = export
    self.volume = volume
    self.name = name
    self.host = host
    self.tags = tags
    self.time = time
  }
}

/// How far a disk is on its way into a repository.
package struct ArchiveReply: Codable, Sendable, Equatable {
  /// Bytes that were read and handed over, zeroes among them.
  package var doneByteCount: UInt64
  /// Of the disk.
  package var byteCount: UInt64
  /// Once it is kept whole: where, and what the repository did not have yet, before compression.
  package var snapshot: String?
  package var addedByteCount: UInt64
  /// Why it ended before that; empty otherwise.
  package var failure: String

  package init(
    doneByteCount: UInt64,
    byteCount: UInt64,
    snapshot: String? = nil,
    addedByteCount: UInt64 = 0,
    failure: String = ""
  ) {
    self.doneByteCount = doneByteCount
    self.byteCount = byteCount
    self.snapshot = snapshot
    self.addedByteCount = addedByteCount
    self.failure = failure
  }
}

/// The disks a repository has with all of the tags.
package struct SnapshotListRequest: Codable, Sendable, Equatable {
  package var repository: ArchiveRepository
  package var tags: [String]

  package init(repository: ArchiveRepository, tags: [String]) {
    self.repository = repository
    self.tags = tags
  }
}

/// A disk in a repository.
package struct ArchivedDisk: Codable, Sendable, Equatable {
  package var snapshot: String
  package var name: String
  /// Nil where only the repository was asked, which does not say.
  package var byteCount: UInt64?

  package init(snapshot: String, name: String, byteCount: UInt64? = nil) {
    self.snapshot = snapshot
    self.name = name
    self.byteCount = byteCount
  }
}

/// Forget disks and give back the room; those that are gone are fine.
package struct ForgetRequest: Codable, Sendable, Equatable {
  package var repository: ArchiveRepository
  package var snapshots: [String]

  package init(repository: ArchiveRepository, snapshots: [String]) {
    self.repository = repository
    self.snapshots = snapshots
  }
}

/// Write a disk of a repository to a raw file of its own, zeroes left out.
///
/// As with ``CopyRequest``, the file has its name once it is complete and durable.
package struct RestoreRequest: Codable, Sendable, Equatable {
  package var repository: ArchiveRepository
  package var snapshot: String
  package var name: String
  /// That it must have.
  package var byteCount: UInt64
  /// The folder the file is made in; it is made if missing.
  package var folder: String

  package init(
    repository: ArchiveRepository,
    snapshot: String,
    name: String,
    byteCount: UInt64,
    folder: String
  ) {
    self.repository = repository
    self.snapshot = snapshot
    self.name = name
    self.byteCount = byteCount
    self.folder = folder
  }
}
