// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// VPGs, their checkpoints and what is common to a VPG and its VMs, as the API shows them.

extension APIValue {
  static func vpg(_ view: VPGView, _ links: Links) -> APIValue {
    let vpg = view.definition
    return .object(
      "VpgApi",
      [
        "VpgIdentifier": .identifier(vpg.identifier),
        "VpgName": .string(vpg.name),
        "VpgDescription": .string(vpg.description),
        "VpgType": .string("Remote"),
        "OrganizationName": .string(view.organisationName),
        "Priority": APIEnumerations.vpgPriority.value(vpg.policy.priority.rawValue),
        "Status": APIEnumerations.vpgStatus.value(view.status.rawValue),
        "StatusDescription": .string(APIEnumerations.vpgStatus.name(of: view.status.rawValue)),
        "SubStatus": APIEnumerations.vpgSubstatus.value(view.substatus.rawValue),
        "SubStatusDescription": .string(
          APIEnumerations.vpgSubstatus.name(of: view.substatus.rawValue)
        ),
        "AlertStatus": APIEnumerations.alertStatus.value(view.alertLevel?.rawValue ?? 0),
        "ProtectedSiteName": .string(view.protectedSiteName),
        "RecoverySiteName": .string(view.recoverySiteName),
        "SourceSite": .string(view.protectedSiteName),
        "TargetSite": .string(view.recoverySiteName),
        "ProtectedSite": links.site(vpg.protectedSite),
        "RecoverySite": links.site(vpg.recoverySite),
        "Entities": entities,
        "VmsCount": .integer(vpg.vms.count),
        "ActualRPO": .integer(view.actualRPOInSeconds),
        "ConfiguredRpoSeconds": .integer(vpg.policy.rpoTargetInSeconds),
        "IOPs": .integer(whole(view.writesPerSecond)),
        "ThroughputInMB": .double(view.throughputInMBPerSecond),
        "ProvisionedStorageInMB": .integer(view.provisionedStorageInMB),
        "UsedStorageInMB": .integer(view.usedStorageInMB),
        "ProgressPercentage": .double(view.progress.rounded()),
        "BackupEnabled": .bool(vpg.retention?.isEnabled ?? false),
        "HistoryStatusApi": .object(
          "HistoryStatusApi",
          [
            "ActualHistoryInMinutes": .integer(view.actualHistoryInMinutes),
            "ConfiguredHistoryInMinutes": .integer(vpg.policy.journalHistoryInHours * 60),
            "EarliestCheckpoint": checkpoint(view.earliestCheckpoint),
          ]
        ),
        "FailSafeHistory": .object(
          "JournalHealthStatusApi",
          [
            "ActualFailSafeHistory": .integer(-1),
            "ConfiguredFailSafeHistory": .integer(-1),
            "FailSafeDescription": .string(""),
          ]
        ),
        "ActiveProcessesApi": .object(
          "VpgActiveProcessesApi",
          [
            "RunningFailOverTestApi": view.testStage.map {
              .object("FailOverTestApi", ["Stage": .string($0)])
            } ?? .null
          ]
        ),
        "LastTest": .date(view.lastTest),
        "ServiceProfile": .null,
        "ServiceProfileIdentifier": .text(vpg.policy.serviceProfile),
        "ServiceProfileName": .string(view.serviceProfileName),
        "Zorg": links.zorg(vpg.policy.zorg),
        "Link": links.vpg(vpg.identifier),
        "Link_{0}": links.selfLink("VpgApi", "vpgs", vpg.identifier.rawValue),
      ]
    )
  }

  /// The kind of VPG on each side: from one hypervisor to another.
  static var entities: APIValue {
    let kind = APIEnumerations.vpgEntityType.value(0)
    return .object(
      "VpgEntitiesApi",
      ["Protected": kind, "Recovery": kind, "Source": kind, "Target": kind]
    )
  }

  /// A checkpoint, or null.
  ///
  /// Releases differ over `Vss` and `Type`: both are there.
  static func checkpoint(_ checkpoint: Checkpoint?) -> APIValue {
    guard let checkpoint else { return .null }
    return .object(
      "CheckpointApi",
      [
        "CheckpointIdentifier": .string(checkpoint.identifier.description),
        "TimeStamp": .date(checkpoint.time),
        "Tag": .string(checkpoint.tag),
        "Vss": .bool(checkpoint.isQuiesced),
        "Type": APIEnumerations.checkpointType.value(0),
      ]
    )
  }

  /// A checkpoint as a point a VM can be restored to; its files are read at the recovery site.
  static func pointInTime(_ point: Checkpoint, isRecoverySite: Bool) -> APIValue {
    .object(
      "PointInTimeApi",
      [
        "Checkpoint": checkpoint(point),
        "RetentionSet": .null,
        "CanMount": .object(
          "AllowedOperationApi",
          [
            "IsAllowed": .bool(isRecoverySite),
            "Reason": .string(
              isRecoverySite ? "" : "files are restored at the recovery site: ask the manager there"
            ),
          ]
        ),
      ]
    )
  }

  static func checkpointStats(earliest: Checkpoint?, latest: Checkpoint?) -> APIValue {
    .object(
      "VpgCheckpointsStatsApi",
      ["Earliest": checkpoint(earliest), "Latest": checkpoint(latest)]
    )
  }

  /// A rate as the whole number the API wants.
  static func whole(_ rate: Double) -> Int { rate.isFinite ? Int(rate.rounded()) : 0 }
}
