// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// VPGs and their VMs: calls.
  static let vpgsCalls = """
    GET /v1/vms -> [VmApi]
      ? vpgName string, vmName string, status string:VpgStatus, subStatus string:VpgSubStatus,
        protectedSiteType string:VpgEntityType, recoverySiteType string:VpgEntityType,
        sourceType string:VpgEntityType, targetType string:VpgEntityType,
        protectedSiteIdentifier string, recoverySiteIdentifier string, sourceSite string,
        targetSite string, organizationName string, priority string:VpgPriority,
        vmIdentifier string, includeBackupedVms boolean, includeMountedVms boolean
    GET /v1/vms/{vmIdentifier} -> VmApi
      ? vpgIdentifier string, includeBackupedVms boolean, includeMountedVms boolean
    GET /v1/vms/{vmIdentifier}/pointsInTime -> [PointInTimeApi]
      ? vpgIdentifier string, startDate datetime, endDate datetime
    GET /v1/vms/{vmIdentifier}/pointsInTime/stats -> PointInTimeStatsApi
      ? vpgIdentifier string
    POST /v1/vms/{vmIdentifier}/Restore < JournalVMRestoreDataApi -> string
    POST /v1/vms/{vmIdentifier}/RestoreCommit < string -> string
    POST /v1/vms/{vmIdentifier}/RestoreRollback < string -> string
    GET /v1/vpgs -> [VpgApi]
      ? name string, status string:VpgStatus, subStatus string:VpgSubStatus,
        protectedSiteType string:VpgEntityType, recoverySiteType string:VpgEntityType,
        protectedSiteIdentifier string, recoverySiteIdentifier string, sourceSite string,
        targetSite string, sourceType string:VpgEntityType, targetType string:VpgEntityType,
        organizationName string, zorgIdentifier string, priority string:VpgPriority,
        serviceProfileIdentifier string, backupEnabled boolean, vpgName string,
        vpgStatus string, vpgSubStatus string, zOrganizationName string
    POST /v1/vpgs < VpgCreateDataApi -> string
    GET /v1/vpgs/entitytypes -> [string]
    GET /v1/vpgs/failovercommitpolicies -> [string]
    GET /v1/vpgs/failovershutdownpolicies -> [string]
    GET /v1/vpgs/priorities -> [string]
    GET /v1/vpgs/retentionpolicies -> [string]
    GET /v1/vpgs/statuses -> [string]
    GET /v1/vpgs/substatuses -> [string]
    DELETE /v1/vpgs/{vpgIdentifier} < VpgDeleteDataApi -> string
    GET /v1/vpgs/{vpgIdentifier} -> VpgApi
    GET /v1/vpgs/{vpgIdentifier}/checkpoints -> [CheckpointApi]
      ? startDate datetime, endDate datetime
    POST /v1/vpgs/{vpgIdentifier}/checkpoints < VpgInsertTagCheckpointDataApi -> string
    GET /v1/vpgs/{vpgIdentifier}/checkpoints/stats -> VpgCheckpointsStatsApi
    GET /v1/vpgs/{vpgIdentifier}/checkpoints/summary -> anything
    POST /v1/vpgs/{vpgIdentifier}/CloneAbort -> string
    POST /v1/vpgs/{vpgIdentifier}/CloneStart < CloneStartDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/Failover < FailoverDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/FailoverCommit < FailoverCommitDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/FailoverRollback -> string
    POST /v1/vpgs/{vpgIdentifier}/FailoverTest < FailOverTestStartDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/FailoverTestStop < StopFailoverTestDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/forcesync -> string
    POST /v1/vpgs/{vpgIdentifier}/Move < MoveVpgDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/MoveCommit < MoveCommitVpgDataApi -> string
    POST /v1/vpgs/{vpgIdentifier}/moveRollback -> string
    POST /v1/vpgs/{vpgIdentifier}/pause -> string
    POST /v1/vpgs/{vpgIdentifier}/resume -> string
    """

  /// VPGs and their VMs: objects.
  static let vpgsObjects = """
    AllowedOperationApi
      IsAllowed boolean, Reason string?
    CheckpointApi
      CheckpointIdentifier string?, TimeStamp datetime, Tag string?,
      Type integer:CheckpointType, Vss boolean
    CloneStartDataApi
      CheckpointId string?, DatastoreIdentifier string?, VmIdentifiers [string]?,
      CheckpointIdentifier string?
    FailOverTestApi
      Stage string?
    FailOverTestStartDataApi
      CheckpointIdentifier string?, VmIdentifiers [string]?
    FailoverCommitDataApi
      IsReverseProtection boolean?
    FailoverDataApi
      CheckpointIdentifier string?, CommitPolicy integer:CommitPolicy,
      TimeToWaitBeforeShutdownInSec integer, ShutdownPolicy integer:ShutdownPolicy,
      IsReverseProtection boolean?, VmIdentifiers [string]?, ReverseProtection boolean?
    HistoryStatusApi
      ActualHistoryInMinutes integer, ConfiguredHistoryInMinutes integer,
      EarliestCheckpoint CheckpointApi?
    JournalHealthStatusApi
      ActualFailSafeHistory integer, ConfiguredFailSafeHistory integer,
      FailSafeDescription string?
    JournalVMRestoreDataApi
      VpgIdentifier string?, RestoredVmName string?, CheckpointIdentifier string?,
      CommitPolicy integer:JournalVmRestoreCommitPolicy,
      ShutdownPolicy integer:JournalVmRestoreShutdownPolicy,
      TimeToWaitBeforeContinueInSeconds integer?,
      JournalVMRestoreSettings JournalVMRestoreSettingsDataApi?
    JournalVMRestoreDatastoreDataApi
      DatastoreIdentifier string?, IsThin boolean
    JournalVMRestoreHypervisorSettingsDataApi
      DnsSuffix string?, IpConfig JournalVMRestoreIpSettingsDataApi?, NetworkIdentifier string?,
      ShouldReplaceMacAddress boolean
    JournalVMRestoreIpSettingsDataApi
      Gateway string?, IsDhcp boolean, PrimaryDns string?, SecondaryDns string?,
      StaticIp string?, SubnetMask string?
    JournalVMRestoreNicDataApi
      Hypervisor JournalVMRestoreHypervisorSettingsDataApi?, NicIdentifier string?
    JournalVMRestoreSettingsDataApi
      DatastoreIdentifier string?, Nics [JournalVMRestoreNicDataApi]?,
      Volumes [JournalVMRestoreVolumeDataApi]?
    JournalVMRestoreVolumeDataApi
      Datastore JournalVMRestoreDatastoreDataApi?, VolumeIdentifier string?
    MoveCommitVpgDataApi
      ReverseProtection boolean?, KeepSourceVms boolean?
    MoveVpgDataApi
      CommitPolicy integer:CommitPolicy, CommitPolicyTimeout integer?, ForceShutdown boolean?,
      ReverseProtection boolean?, KeepSourceVms boolean?, ContinueOnPreScriptFailure boolean?
    PointInTimeApi
      Checkpoint CheckpointApi?, RetentionSet RetentionSetApi?, CanMount AllowedOperationApi?
    PointInTimeStatsApi
      Earliest PointInTimeApi?, Latest PointInTimeApi?
    StopFailoverTestDataApi
      FailoverTestSuccess boolean?, FailoverTestSummary string?, VmIdentifiers [string]?
    VmApi
      Link VmResourceLink?, OrganizationName string?, Priority integer:VpgPriority,
      ProvisionedStorageInMB integer, UsedStorageInMB integer, CpuCoresNum integer,
      MemorySizeInMB integer, JournalUsedStorageMb long,
      JournalWarningThreshold VmJournalLimitApi?, JournalHardLimit VmJournalLimitApi?,
      IOPs integer, ThroughputInMB double, OutgoingBandWidthInMbps double, ActualRPO integer,
      LastTest datetime?, VpgName string?, VmName string?, Volumes [VmVolumeApi]?,
      Nics [NicNativeApi]?, ProtectedSiteName string?, RecoverySiteName string?,
      Entities VpgEntitiesApi?, Status integer:VpgStatus, SubStatus integer:VpgSubStatus,
      ProtectedSite ResourceLink?, RecoverySite ResourceLink?,
      EnabledActions VmEnabledActionsApi?, IsVmExists boolean, RecoveryHostIdentifier string?,
      RecoveryHostName string?, OwningHostIdentifier string?, OwningHostName string?,
      OwningDatastoreIdentifier string?, OwningDatastoreName string?, GuestOs string?,
      VmNetworkInformation VmNetworkInformation?, HardwareVersion string?,
      IsAgentInstalled boolean, PlatformInformation VmPlatformInformation?, Link_{0} SelfLink,
      VmIdentifier string, VpgIdentifier string, SourceSite string, TargetSite string
    VmEnabledActionsApi
      IsFlrEnabled boolean
    VmJournalLimitApi
      LimitType integer:VmJournalLimitType, LimitValue integer
    VmResourceLink
      vpg_identifier string?, instance_identifier string?, rel string?, href string?,
      type string?, identifier string?
    VpgActiveProcessesApi
      RunningFailOverTestApi FailOverTestApi?
    VpgApi
      ProgressPercentage double, Zorg ResourceLink?, Priority integer:VpgPriority,
      VmsCount integer, ProvisionedStorageInMB long, UsedStorageInMB long, IOPs integer,
      ThroughputInMB double, ActualRPO integer, ConfiguredRpoSeconds integer,
      LastTest datetime?, VpgName string?, VpgDescription string?, VpgType string:VpgType?,
      Link ResourceLink?, ProtectedSiteName string?, ProtectedSite ResourceLink?,
      RecoverySiteName string?, RecoverySite ResourceLink?, Entities VpgEntitiesApi?,
      Status integer:VpgStatus, StatusDescription string?, SubStatus integer:VpgSubStatus,
      SubStatusDescription string?, ActiveProcessesApi VpgActiveProcessesApi?,
      ServiceProfile ResourceLink?, BackupEnabled boolean,
      FailSafeHistory JournalHealthStatusApi?, HistoryStatusApi HistoryStatusApi?,
      AlertStatus integer:AlertStatus, Link_{0} SelfLink, VpgIdentifier string,
      SourceSite string, TargetSite string, OrganizationName string,
      ServiceProfileIdentifier string?, ServiceProfileName string
    VpgCheckpointsStatsApi
      Earliest CheckpointApi?, Latest CheckpointApi?
    VpgCreateDataApi
      DatastoreIdentifier string?, OrgVdcIdentifier string?, ResourcePoolIdentifier string?,
      ServiceProfileIdentifier string?, SourceSiteIdentifier string?,
      TargetSiteIdentifier string?, VcVappIdentifier string?, VcdVappIdentifier string?,
      VpgName string?, ZorgIdentifier string?, Priority integer:VpgPriority?,
      VmsIdentifiers [string]?
    VpgDeleteDataApi
      KeepRecoveryVolumes boolean?, Force boolean
    VpgEntitiesApi
      Protected integer:VpgEntityType, Recovery integer:VpgEntityType,
      Source integer:VpgEntityType, Target integer:VpgEntityType
    VpgInsertTagCheckpointDataApi
      CheckpointName string?
    """
}
