// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Every enumeration the served resources use.
enum APIEnumerations {
  static let vpgStatus = APIEnumeration(
    "VpgStatus",
    [
      "Initializing", "MeetingSLA", "NotMeetingSLA", "RpoNotMeetingSLA",
      "HistoryNotMeetingSLA", "FailingOver", "Moving", "Deleting", "Recovered",
    ]
  )

  static let vpgSubstatus = APIEnumeration(
    "VpgSubStatus",
    count: 43,
    [
      "None", "InitialSync", "Creating", "VolumeInitialSync", "Sync", "RecoveryPossible",
      "DeltaSync", "NeedsConfiguration", "Error", "EmptyProtectionGroup",
      "DisconnectedFromPeerNoRecoveryPoints", "FullSync", "VolumeDeltaSync", "VolumeFullSync",
      "FailingOverCommitting", "FailingOverBeforeCommit", "FailingOverRollingBack",
      "Promoting", "MovingCommitting", "MovingBeforeCommit", "MovingRollingBack", "Deleting",
      "PendingRemove", "BitmapSync", "DisconnectedFromPeer", "ReplicationPausedUserInitiated",
      "ReplicationPausedSystemInitiated", "RecoveryStorageProfileError", "Backup",
      "RollingBack", "RecoveryStorageError", "JournalStorageError", "VmNotProtectedError",
      "JournalOrRecoveryMissingError", "AddedVmsInInitialSync",
      "ReplicationPausedForMissingVolume",
    ]
  )

  static let vpgPriority = APIEnumeration(
    "VpgPriority",
    [
      "Low", "Medium", "High",
    ]
  )

  static let vpgEntityType = APIEnumeration(
    "VpgEntityType",
    count: 6,
    [
      "VCVpg", "VCvApp", "VCDvApp", "PublicCloud", "HyperV",
    ],
    otherNames: ["AWS": 3]
  )

  static let commitPolicy = APIEnumeration(
    "CommitPolicy",
    [
      "Rollback", "Commit", "None",
    ]
  )

  static let shutdownPolicy = APIEnumeration(
    "ShutdownPolicy",
    [
      "None", "Shutdown", "ForceShutdown",
    ]
  )

  static let failoverRetentionPolicy = APIEnumeration(
    "FailoverRetentionPolicy",
    isNumberInJSON: false,
    []
  )

  static let checkpointType = APIEnumeration("CheckpointType", count: 3, [])

  static let journalLimitType = APIEnumeration(
    "VmJournalLimitType",
    [
      "Unlimited", "Megabytes", "Percentage",
    ]
  )

  static let alertStatus = APIEnumeration("AlertStatus", count: 5, [])

  static let vraStatus = APIEnumeration(
    "VraStatus",
    count: 11,
    [
      "Installed", "UnsupportedEsxVersion", "NotInstalled", "Installing", "Removing",
      "InstallationError", "HostPasswordChanged", "UpdatingIpSettings", "DuringChangeHost",
      "HostInMaintenanceMode",
    ]
  )

  static let vraUpgradeStatus = APIEnumeration("VraUpgradeStatus", count: 8, [])

  static let vraIPConfigurationType = APIEnumeration(
    "VraIpConfigurationType",
    isNumberInJSON: false,
    [
      "Dhcp", "Static",
    ]
  )

  static let changeRecoveryHostStatus = APIEnumeration(
    "VraChangeRecoveryHostVmStatus",
    count: 3,
    []
  )

  static let pairingStatus = APIEnumeration(
    "PairingStatus",
    [
      "Paired", "Pairing", "Unpaired",
    ]
  )

  static let siteType = APIEnumeration(
    "SiteType",
    isNumberInJSON: false,
    [
      "VCenter", "VCD", "SCVMM", "AWS", "Azure",
    ]
  )

  static let taskState = APIEnumeration(
    "TaskState",
    [
      "FirstUnusedValue", "InProgress", "WaitingForUserInput", "Paused", "Failed", "Stopped",
      "Completed", "Cancelling",
    ]
  )

  static let taskType = APIEnumeration(
    "TaskType",
    isNumberInJSON: false,
    [
      "CreateProtectionGroup", "RemoveProtectionGroup", "FailOver", "FailOverTest",
      "StopFailOverTest", "Move", "GetCheckpointList", "ProtectVM", "UnprotectVM",
      "AddVMToProtectionGroup", "RemoveVMFromProtectionGroup", "InstallVra", "UninstallVra",
      "GetVMSettings", "UpdateProtectionGroup", "InsertTaggedCP", "WaitForCP",
      "HandleMirrorPromotion", "ActivateAllMirrors", "LogCollection", "ClearCheckpoints",
      "ForceReconfigurationOfNewVM", "ClearSite", "ForceRemoveProtectionGroup",
      "ForceUpdateProtectionGroup", "ForceKillProtectionGroup", "PrePostScript",
      "InitFullSync", "Pair", "Unpair", "AddPeerVraInfo", "RemovePeerVraInfo",
      "InstallCloudConnector", "UninstallCloudConnector", "HandleFirstSyncDone", "Clone",
      "MoveBeforeCommit", "MoveRollback", "MoveCommit", "UpgradeVRA", "MaintainHost",
      "NotSupportedInThisVersion", "MoveProtectionGroupToManualOperationNeeded",
      "FailoverBeforeCommit", "FailoverCommit",
    ]
  )

  /// What lies in an area of scripts: 1 is a file and 2 a folder; no names were published.
  static let scriptItemType = APIEnumeration("ScriptItemType", count: 3, [])

  static let eventType = APIEnumeration(
    "EventType",
    count: 120,
    [
      "Unknown", "CreateProtectionGroup", "RemoveProtectionGroup", "FailOver", "FailOverTest",
      "StopFailOverTest", "Move", "ProtectVM", "UnprotectVM", "InstallVra", "UninstallVra",
      "UpdateProtectionGroup", "InsertTaggedCP", "HandleMirrorPromotion",
      "ActivateAllMirrors", "LogCollection", "ForceReconfigurationOfNewVM", "ClearSite",
      "ForceRemoveProtectionGroup", "ForceUpdateProtectionGroup", "ForceKillProtectionGroup",
      "PrePostScript", "InitFullSync", "Pair", "Unpair", "InstallCloudConnector",
      "UninstallCloudConnector", "RedeployCloudConnector", "ScriptExecutionFailure",
      "SetAdvancedSiteSettings", "Clone", "KeepDisk", "FailoverBeforeCommit",
      "FailoverCommit", "FailoverRollback", "MoveBeforeCommit", "MoveRollback", "MoveCommit",
      "MaintainHost", "UpgradeVra", "MoveProtectionGroupToManualOperationNeeded",
      "ChangeVraIpSettings", "PauseProtectionGroup", "ResumeProtectionGroup", "UpgradeZVM",
      "BulkUpgradeVras", "BulkUninstallVras", "AlertTurnedOn", "AlertTurnedOff",
      "ChangeVraPassword", "ChangeRecoveryHost", "BackupProtectionGroup",
      "CleanupProtectionGroupVipDiskbox", "RestoreProtectionGroup", "PreScript", "PostScript",
      "RemoveVmFromVc", "ChangeVraPasswordIpSettings", "FlrJournalMount", "FlrJournalUnmount",
      "Login", "HostEnteringMaintenanceMode", "HostExitingMaintenanceMode",
      "VmRestoredToSnapshot", "ProtectedVmRemovedFromHypervisor",
      "ProtectedVmAddedToHypervisor", "PauseProtectionGroupForMissingVm",
      "ResumeProtectionGroupAfterUserRemovedMissingVm", "ResumeProtectionGroupAfterVmReadded",
    ]
  )

  static let eventEntityType = APIEnumeration(
    "EventEntityType",
    [
      "VPG", "VRA", "Unknown", "Site",
    ]
  )

  static let alertLevel = APIEnumeration(
    "AlertLevel",
    isNumberInJSON: false,
    [
      "Warning", "Error",
    ]
  )

  static let alertEntity = APIEnumeration(
    "AlertEntity",
    isNumberInJSON: false,
    [
      "Zvm", "Vra", "Vpg", "CloudConnector", "Storage", "License", "Zcm",
      "FileRecoveryComponent",
    ]
  )

  static let eventCategory = APIEnumeration(
    "EventCategory",
    isNumberInJSON: false,
    [
      "All", "Events", "Alerts",
    ]
  )

  static let authenticationMethod = APIEnumeration(
    "AuthenticationMethod",
    [
      "Windows", "VirtualizationManager",
    ]
  )

  static let vpgType = APIEnumeration("VpgType", isNumberInJSON: false, ["Remote"])

  static let dayOfWeek = APIEnumeration(
    "DayOfWeek",
    isNumberInJSON: false,
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
  )

  // Of these only the range is published.

  static let retentionStorage = APIEnumeration("LtrStorageType", count: 12, [])
  static let retentionConnection = APIEnumeration("LtrBackupTargetType", count: 6, [])
  static let retentionTier = APIEnumeration("LtrBackupTier", count: 11, [])
  static let retentionImmutability = APIEnumeration("LtrImmutabilityType", count: 3, [])

  static let retentionStatus = APIEnumeration("LtrVpgStatus", count: 3, [])
  static let retentionCompression = APIEnumeration("LtrCompressionLevel", count: 3, [])
  static let retentionPeriod = APIEnumeration("LtrSchedulePeriodType", count: 4, [])
  static let retentionMethod = APIEnumeration("LtrBackupMethod", count: 3, [])
  static let retentionUnit = APIEnumeration("LtrExpireTimeUnits", count: 4, [])
  static let retentionTrigger = APIEnumeration("LtrMonthlyTriggerType", count: 2, [])

  static let backupRetentionPeriod = APIEnumeration(
    "BackupRetentionPeriod",
    isNumberInJSON: false,
    ["OneWeek", "OneMonth", "ThreeMonths", "SixMonths", "NineMonths", "OneYear"]
  )

  static let backupSchedulerPeriod = APIEnumeration(
    "BackupSchedulerPeriod",
    isNumberInJSON: false,
    ["Daily", "Weekly"]
  )

  static let retentionDuration = APIEnumeration(
    "LtrDurationType",
    isNumberInJSON: false,
    ["Days", "Weeks", "Months", "Years"]
  )

  static let retentionType = APIEnumeration(
    "LtrRetentionType",
    isNumberInJSON: false,
    ["Full", "Incremental"]
  )

  static let weekOfMonth = APIEnumeration(
    "LtrWeekOfMonthName",
    isNumberInJSON: false,
    ["First", "Second", "Third", "Fourth", "Last"]
  )

  static let dayOfYear = APIEnumeration(
    "LtrDayOfYearName",
    isNumberInJSON: false,
    ["First", "Last"]
  )
}
