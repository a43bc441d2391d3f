// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// Repositories and retention sets as the API shows them. Nothing that opens a repository is shown.

extension RetentionRepository.Place {
  /// The number in `StorageType` and `ConnectionType`, of which only the range is published.
  var number: Int {
    switch self {
    case .folder: 0
    case .s3: 1
    }
  }

  /// As a person writes it.
  var text: String {
    switch self {
    case .folder(let path): path
    case .s3(let endpoint, let bucket, let path, _):
      [endpoint, bucket, path].filter { !$0.isEmpty }.joined(separator: "/")
    }
  }
}

extension APIValue {
  static func repository(_ repository: RetentionRepository) -> APIValue {
    let size = repository.size
    let (capacity, free) = (gigabytes(size.capacity), gigabytes(size.free))
    let used = gigabytes(size.used)
    var (nfs, s3) = (APIValue.null, APIValue.null)
    switch repository.place {
    case .folder(let path):
      nfs = .object("NFSBackupTargetStorageObjectApi", ["Path": .string(path)])
    case .s3(let endpoint, let bucket, let path, let region):
      s3 = .object(
        "S3CompatibleStorageObjectApi",
        [
          "S3Region": .string(region),
          "S3EndpointUrl": .string(endpoint),
          "S3BucketName": .string(bucket),
          "S3AccessKey": .null,
          "S3SecretKey": .string(""),
          "Path": .string(path),
          "IsImmutable": .bool(false),
          "ImmutabilityPolicy": APIEnumerations.retentionImmutability.value(0),
          "ImmutabilityDays": .integer(0),
        ]
      )
    }
    return .object(
      "RepositoriesSettingsApi",
      [
        "RepositoryIdentifier": .identifier(repository.identifier),
        "RepositoryName": .string(repository.name),
        "StorageType": APIEnumerations.retentionStorage.value(repository.place.number),
        "ConnectionType": APIEnumerations.retentionConnection.value(repository.place.number),
        "DefaultRepository": .bool(repository.isDefault),
        "IsIndexRepository": .bool(false),
        "TotalCapacityGB": capacity,
        "UsedCapacityGB": used,
        "FreeCapacityGB": free,
        "RepositoryState": .object(
          "RepositoryStateApi",
          ["AllocatedSpaceInGB": capacity, "AvailableSpaceInGB": free, "UsedSpaceInGB": used]
        ),
        "Smb": .null,
        "S3": .null,
        "Nfs": nfs,
        "Catalyst": .null,
        "Azure": .null,
        "S3-Compatible": s3,
      ]
    )
  }

  static func repositoryInfo(_ repository: RetentionRepository) -> APIValue {
    let isFolder = if case .folder = repository.place { true } else { false }
    return .object(
      "BackupTargetInfoRepositoriesApi",
      [
        "RepositoryIdentifier": .identifier(repository.identifier),
        "RepositoryName": .string(repository.name),
        "Path": .string(repository.place.text),
        "ConnectionType": .string(isFolder ? "NetworkFileSystem" : "S3"),
        "StorageType": .string(isFolder ? "NetworkShare" : "ObjectStorage"),
      ]
    )
  }

  /// One that does not go by itself expires at the end of the calendar.
  static func retentionSet(
    _ set: RetentionSet,
    _ repository: RetentionRepository?,
    isVPGThere: Bool,
    now: WallTime
  ) -> APIValue {
    .object(
      "RetentionSetInfoApi",
      [
        "RetentionSetIdentifier": .identifier(set.identifier),
        "BackupMethod": .string("Full"),
        "Vpg": .named(set.vpgName, set.vpg.rawValue),
        "Repository": .named(repository?.name ?? "", set.repository.rawValue),
        "Zorg": .named("", set.zorg ?? "00000000-0000-0000-0000-000000000000"),
        "PointInTime": .date(set.checkpoint.time),
        "ExpiryDate": .date(set.expires ?? WallTime(milliseconds: 253_402_214_400_000)),
        "ActionType": .string("None"),
        "StatusType": .string("Completed"),
        "IsAppAware": .bool(false),
        "SizeInKB": .integer(Int64(clamping: set.addedByteCount >> 10)),
        "AggregatedSizeInKB": .integer(Int64(clamping: set.addedByteCount >> 10)),
        "NumberOfIncrementals": .integer(0),
        "IsVpgExists": .bool(isVPGThere),
        "RetentionSetImmutability": repository?.lock.map { immutability($0, now) } ?? .null,
        "RetentionSetActionsInformation": .object(
          "RetentionSetActionsInformationApi",
          [
            "DeleteAction": .object(
              "ButtonAvailabilityApi",
              ["IsEnabled": .bool(true), "DisableReasonText": .string("")]
            )
          ]
        ),
      ]
    )
  }

  /// Of each set of the repository; what the state is called is not published.
  private static func immutability(
    _ lock: RetentionRepository.Lock,
    _ now: WallTime
  ) -> APIValue {
    var (state, end) = ("None", APIValue.null)
    if case .until(let time) = lock {
      state = time > now ? "Immutable" : "Expired"
      end = .date(time)
    }
    return .object(
      "RetentionSetImmutabilityApi",
      ["ImmutabilityState": .string(state), "ImmutabilityExpiryTime": end]
    )
  }

  static func settings(of machine: RetentionSet.Machine, in set: RetentionSet) -> APIValue {
    .object(
      "RetentionSetVmSettingsApi",
      [
        "LtrVmIdentifier": .identifier(machine.vm),
        "RepositoryIdentifier": .identifier(set.repository),
        "RetentionSetIdentifier": .identifier(set.identifier),
        "HostIdentifier": .identifier(machine.host),
        "Volumes": .list(
          machine.disks.map { disk in
            .object(
              "VmVolumeSettingsApi",
              [
                "DatastoreIdentifier": .identifier(disk.datastore),
                "IsThin": .bool(true),
                "VolumeIdentifier": .identifier(disk.volume),
              ]
            )
          },
          element: "VmVolumeSettingsApi"
        ),
        "Nics": .list(machine.networks.map(card), element: "VmNicSettingsApi"),
      ]
    )
  }

  private static func card(_ network: NetworkIdentifier?) -> APIValue {
    .object(
      "VmNicSettingsApi",
      [
        "NetworkIdentifier": .identifier(network),
        "DnsSuffix": .null,
        "Gateway": .null,
        "IsDhcp": .bool(false),
        "PrimaryDns": .null,
        "SecondaryDns": .null,
        "StaticIp": .null,
        "SubnetMask": .null,
        "ShouldReplaceMacAddress": .bool(true),
      ]
    )
  }

  /// A `NamedEntityApi`.
  static func named(_ name: String, _ identifier: String) -> APIValue {
    .object(
      "NamedEntityApi",
      ["Name": .string(name), "Identifier": .string(identifier)]
    )
  }

  private static func gigabytes(_ byteCount: UInt64?) -> APIValue {
    .integer(byteCount.map { Int($0 >> 30) })
  }
}
