// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A place where copies of checkpoints are kept for years, without what opens it.
package struct RetentionRepository: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: RepositoryIdentifier
  package var name: String
  package var place: Place
  /// Whether copies go there that name no other.
  package var isDefault: Bool
  /// Tells it from every other repository, wherever it is mounted; it is its own.
  package var mark: String
  /// When and how large it was last found.
  package var size: Size
  /// As it was found then; nil where nobody could say.
  package var lock: Lock?
  /// What opens it, as the manager alone can read it.
  package var sealedSecrets: String

  package init(
    identifier: RepositoryIdentifier,
    name: String,
    place: Place,
    isDefault: Bool,
    mark: String,
    size: Size,
    lock: Lock? = nil,
    sealedSecrets: String
  ) {
    self.identifier = identifier
    self.name = name
    self.place = place
    self.isDefault = isDefault
    self.mark = mark
    self.size = size
    self.lock = lock
    self.sealedSecrets = sealedSecrets
  }

  package enum Place: Codable, Sendable, Hashable {
    /// A folder, or a mount, of every host on which journals are kept: its absolute path.
    case folder(path: String)
    /// `endpoint` has its scheme; `region` may be empty, and so may `path`.
    case s3(endpoint: String, bucket: String, path: String, region: String)
  }

  /// Whether what is in a repository can be deleted by whoever has its password and its keys.
  package enum Lock: Codable, Sendable, Equatable {
    /// Some of it can.
    case none
    /// None of it before then. Every set needs what was written first, and so no set is safe for
    /// longer because it is newer.
    case until(WallTime)
  }

  /// In bytes.
  package struct Size: Codable, Sendable, Equatable {
    package var used: UInt64
    /// Nil where nobody can say.
    package var capacity: UInt64?
    package var free: UInt64?

    package init(used: UInt64, capacity: UInt64? = nil, free: UInt64? = nil) {
      self.used = used
      self.capacity = capacity
      self.free = free
    }
  }
}

/// What opens a repository.
package struct RepositorySecrets: Codable, Sendable, Equatable {
  /// Without it nobody reads what is in the repository.
  package var password: String
  /// For S3.
  package var accessKey: String?
  package var secretKey: String?

  package init(password: String, accessKey: String? = nil, secretKey: String? = nil) {
    self.password = password
    self.accessKey = accessKey
    self.secretKey = secretKey
  }
}

/// A VPG's VMs as of a checkpoint, in a repository.
package struct RetentionSet: Codable, Sendable, Equatable {
  /// A lower-case GUID; each snapshot of the set has the tag ``tag``.
  package var identifier: RetentionSetIdentifier
  package var vpg: VPGIdentifier
  package var vpgName: String
  package var zorg: String?
  package var repository: RepositoryIdentifier
  package var checkpoint: Checkpoint
  package var made: WallTime
  /// From when on it may be deleted; nil is never by itself.
  package var expires: WallTime?
  /// Whether its snapshots are to be deleted; it is no set any more.
  package var isDoomed: Bool
  package var machines: [Machine]

  package init(
    identifier: RetentionSetIdentifier,
    vpg: VPGIdentifier,
    vpgName: String,
    zorg: String?,
    repository: RepositoryIdentifier,
    checkpoint: Checkpoint,
    made: WallTime,
    expires: WallTime?,
    isDoomed: Bool,
    machines: [Machine]
  ) {
    self.identifier = identifier
    self.vpg = vpg
    self.vpgName = vpgName
    self.zorg = zorg
    self.repository = repository
    self.checkpoint = checkpoint
    self.made = made
    self.expires = expires
    self.isDoomed = isDoomed
    self.machines = machines
  }

  package var tag: String { "set:\(identifier)" }

  /// What the repository did not have yet when the set was made, in bytes before compression.
  package var addedByteCount: UInt64 {
    machines.flatMap(\.disks).reduce(0) { $0 + $1.addedByteCount }
  }

  package func machine(_ vm: VMIdentifier) -> Machine? { machines.first { $0.vm == vm } }

  /// A VM, with all that makes one anew.
  package struct Machine: Codable, Sendable, Equatable {
    package var vm: VMIdentifier
    package var name: String
    package var hardware: VMHardware
    package var blueprint: VMBlueprint?
    package var host: HostIdentifier
    /// Of the cards, in order.
    package var networks: [NetworkIdentifier?]
    package var disks: [Disk]

    package init(
      vm: VMIdentifier,
      name: String,
      hardware: VMHardware,
      blueprint: VMBlueprint?,
      host: HostIdentifier,
      networks: [NetworkIdentifier?],
      disks: [Disk]
    ) {
      self.vm = vm
      self.name = name
      self.hardware = hardware
      self.blueprint = blueprint
      self.host = host
      self.networks = networks
      self.disks = disks
    }
  }

  /// A disk, whole.
  package struct Disk: Codable, Sendable, Equatable {
    package var volume: VolumeIdentifier
    package var target: String
    package var byteCount: UInt64
    package var datastore: DatastoreIdentifier?
    package var snapshot: String
    package var addedByteCount: UInt64

    package init(
      volume: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      datastore: DatastoreIdentifier?,
      snapshot: String,
      addedByteCount: UInt64
    ) {
      self.volume = volume
      self.target = target
      self.byteCount = byteCount
      self.datastore = datastore
      self.snapshot = snapshot
      self.addedByteCount = addedByteCount
    }

    /// By which the snapshot has it.
    package var name: String { "\(target).raw" }
  }
}
