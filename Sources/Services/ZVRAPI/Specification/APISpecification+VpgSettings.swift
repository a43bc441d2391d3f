// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// The settings objects VPGs are made and changed with: calls.
  static let vpgSettingsCalls = """
    GET /v1/vpgSettings -> [VpgSettingsApi]
    POST /v1/vpgSettings < VpgSettingsApi -> string
      ? repopulateSettings boolean
    POST /v1/vpgSettings/copyVpgSettings < CopyVpgSettingsApi -> string
    GET /v1/vpgSettings/exportedSettings -> [VpgSettingsExportedDataInfoApi]
    POST /v1/vpgSettings/exportedSettings/{timeStamp} < VpgSettingsNamesApi
      -> VpgSettingsDownloadExportApi
    GET /v1/vpgSettings/exportedSettings/{timeStamp}/vpgsinfo -> [VpgSettingsExportVpgInfoApi]
    POST /v1/vpgSettings/exportSettings < VpgSettingsNamesApi -> VpgSettingsExportApi
    POST /v1/vpgSettings/import < ImportVpgSettingsApi -> VpgSettingsImportVpgsResultApi
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier} -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier} -> VpgSettingsApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier} < VpgSettingsApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/backup -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/backup -> VpgSettingsBackupApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/backup < VpgSettingsBackupApi -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/backup/dayofweek -> [string]
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/backup/retentionperiod -> [string]
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/backup/schedulerperiod -> [string]
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/basic -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/basic -> VpgSettingsBasicApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/basic < VpgSettingsBasicApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/bootgroup -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/bootgroup -> VpgSettingsBootGroupsApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/bootgroup < VpgSettingsBootGroupsApi -> nothing
    POST /v1/vpgSettings/{vpgSettingsIdentifier}/commit -> string
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/journal -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/journal -> VpgSettingsJournalApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/journal < VpgSettingsJournalApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/ltr -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/ltr -> VpgSettingsLtrApi
    POST /v1/vpgSettings/{vpgSettingsIdentifier}/ltr < VpgSettingsLtrApi -> nothing
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/ltr < VpgSettingsLtrApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/networks -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/networks -> VpgSettingsNetworksApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/networks < VpgSettingsNetworksApi -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/priority -> string
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/recovery -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/recovery -> VpgSettingsRecoveryApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/recovery < VpgSettingsRecoveryApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/scratch -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/scratch -> VpgSettingsScratchApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/scratch < VpgSettingsScratchApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/scripting -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/scripting -> VpgSettingsScriptsApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/scripting < VpgSettingsScriptsApi -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms -> [VpgSettingsVmApi]
    POST /v1/vpgSettings/{vpgSettingsIdentifier}/vms < VpgSettingsVmApi -> nothing
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier} -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier} -> VpgSettingsVmApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier} < VpgSettingsVmApi -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/nics -> [VpgSettingsVmNicApi]
    DELETE /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/nics/{nicIdentifier}
      -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/nics/{nicIdentifier}
      -> VpgSettingsVmNicApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/nics/{nicIdentifier}
      < VpgSettingsVmNicApi
      -> nothing
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/volumes
      -> [VpgSettingsVmVolumeApi]
    GET /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/volumes/{volumeIdentifier}
      -> VpgSettingsVmVolumeApi
    PUT /v1/vpgSettings/{vpgSettingsIdentifier}/vms/{vmIdentifier}/volumes/{volumeIdentifier}
      < VpgSettingsVmVolumeApi
      -> nothing
    """

  /// The settings objects VPGs are made and changed with: objects.
  static let vpgSettingsObjects = """
    CopyVpgSettingsApi
      VpgIdentifier string?
    ExportedVpgSettingsApi
      SourceSiteName string?, TargetSiteName string?, VpgIdentifier string?,
      VpgSettingsIdentifier string?, Basic VpgSettingsBasicApi?,
      Scripting VpgSettingsScriptsApi?, BootGroups VpgSettingsBootGroupsApi?,
      Journal VpgSettingsJournalApi?, Scratch VpgSettingsScratchApi?,
      LongTermRetention VpgSettingsLtrApi?, Recovery VpgSettingsRecoveryApi?,
      Networks VpgSettingsNetworksApi?, Vms [VpgSettingsVmApi]?,
      Protected VpgSettingsProtectedApi?
    ImportVpgSettingsApi
      ExportedVpgSettingsApi [ExportedVpgSettingsApi]?, VpgNames [string]?
    LtrDailySchedulerPolicyApi
      Enabled boolean, RetentionDuration LtrDurationApi?
    LtrDurationApi
      Count integer?, DurationType string:LtrDurationType?
    LtrMonthlySchedulerPolicyApi
      Enabled boolean, DayOfWeek string:DayOfWeek?, WeekOfMonth string:LtrWeekOfMonthName?,
      DayOfMonth string?, RetentionType string:LtrRetentionType?,
      RetentionDuration LtrDurationApi?
    LtrRetryApi
      Enabled boolean?, Number integer?, IntervalInMinutes integer?
    LtrSchedulerPolicyApi
      Daily LtrDailySchedulerPolicyApi?, Weekly LtrWeeklySchedulerPolicyApi?,
      Monthly LtrMonthlySchedulerPolicyApi?, Yearly LtrYearlySchedulerPolicyApi?
    LtrWeeklySchedulerPolicyApi
      Enabled boolean, DayOfWeek string:DayOfWeek?, RetentionType string:LtrRetentionType?,
      RetentionDuration LtrDurationApi?
    LtrYearlySchedulerPolicyApi
      Enabled boolean, DayOfWeek string:DayOfWeek?, DayOfYear string:LtrDayOfYearName?,
      MonthOfYear string?, DayOfMonth integer?, RetentionDuration LtrDurationApi?
    PublicCloudEncryptionSettingsRecoveryApi
      EncryptionType integer:PublicCloudEncryptionType, DiskEncryptionKey string?
    VpgSettingsApi
      VpgIdentifier string?, VpgSettingsIdentifier string?, Basic VpgSettingsBasicApi?,
      Scripting VpgSettingsScriptsApi?, BootGroups VpgSettingsBootGroupsApi?,
      Journal VpgSettingsJournalApi?, Scratch VpgSettingsScratchApi?,
      LongTermRetention VpgSettingsLtrApi?, Recovery VpgSettingsRecoveryApi?,
      Networks VpgSettingsNetworksApi?, Vms [VpgSettingsVmApi]?,
      Protected VpgSettingsProtectedApi?, Backup VpgSettingsBackupApi?
    VpgSettingsBackupApi
      RepositoryIdentifier string?, RetentionPeriod string:BackupRetentionPeriod?,
      Retry VpgSettingsBackupRetryApi?, Scheduler VpgSettingsBackupSchedulerApi?
    VpgSettingsBackupRetryApi
      IntervalInMinutes integer, Number integer, Retry boolean
    VpgSettingsBackupSchedulerApi
      DayOfWeek string:DayOfWeek?, SchedulerPeriod string:BackupSchedulerPeriod?,
      TimeOfDay string?
    VpgSettingsBasicApi
      Name string?, VpgType string:VpgType?, RpoInSeconds integer?,
      TestIntervalInMinutes integer?, JournalHistoryInHours integer?,
      Priority string:VpgPriority?, UseWanCompression boolean?,
      ServiceProfileIdentifier string?, ZorgIdentifier string?, ProtectedSiteIdentifier string?,
      RecoverySiteIdentifier string?
    VpgSettingsBootGroupApi
      BootGroupIdentifier string?, Name string?, BootDelayInSeconds integer?
    VpgSettingsBootGroupsApi
      BootGroups [VpgSettingsBootGroupApi]?
    VpgSettingsDownloadExportApi
      ExportedVpgSettingsApi [ExportedVpgSettingsApi]?, ErrorMessage string?
    VpgSettingsExportApi
      TimeStamp datetime, ExportResult VpgSettingsExportResultApi?
    VpgSettingsExportResultApi
      Result string?, Message string?
    VpgSettingsExportVpgInfoApi
      VpgName string?, SourceSiteName string?, TargetSiteName string?
    VpgSettingsExportedDataInfoApi
      TimeStamp datetime
    VpgSettingsHypervisorNetworkApi
      DefaultNetworkIdentifier string?
    VpgSettingsImportFailedResultApi
      VpgName string?, ErrorMessage string?
    VpgSettingsImportTaskIdentifierResultApi
      VpgName string?, TaskIdentifier string?
    VpgSettingsImportValidationResultApi
      VpgName string?, ErrorMessages [string]?
    VpgSettingsImportVpgsResultApi
      ValidationFailedResults [VpgSettingsImportValidationResultApi]?,
      ImportFailedResults [VpgSettingsImportFailedResultApi]?,
      ImportTaskIdentifiers [VpgSettingsImportTaskIdentifierResultApi]?,
      VpgSettingsIds [string]?
    VpgSettingsJournalApi
      Limitation VpgSettingsJournalLimitationApi?, DatastoreIdentifier string?,
      DatastoreClusterIdentifier string?
    VpgSettingsJournalLimitationApi
      HardLimitInMB integer?, HardLimitInPercent integer?, WarningThresholdInMB integer?,
      WarningThresholdInPercent integer?
    VpgSettingsLtrApi
      Enabled boolean, RepositoryIdentifier string?, RetentionRunTime string?,
      SchedulerPolicy LtrSchedulerPolicyApi?, Retry LtrRetryApi?,
      Indexing VpgSettingsLtrVmIndexingApi?, Compression string?
    VpgSettingsLtrVmIndexingApi
      Vms [string]?
    VpgSettingsNamesApi
      VpgNames [string]?
    VpgSettingsNetworkApi
      VCD VpgSettingsVcdNetworkApi?, Hypervisor VpgSettingsHypervisorNetworkApi?,
      PublicCloud VpgSettingsPublicCloudNetworkApi?
    VpgSettingsNetworksApi
      Failover VpgSettingsNetworkApi?, FailoverTest VpgSettingsNetworkApi?
    VpgSettingsProtectedApi
      VCD VpgSettingsVcdProtectedApi?
    VpgSettingsPublicCloudInfoRecoveryApi
      VmInstanceType string?, Azure VpgSettingsPublicCloudProviderInfoRecoveryApi?,
      Encryption PublicCloudEncryptionSettingsRecoveryApi?
    VpgSettingsPublicCloudNetworkApi
      VirtualNetworkIdentifier string?, SubnetIdentifier string?,
      SecurityGroupIdentifiers [string]?
    VpgSettingsPublicCloudProviderInfoRecoveryApi
      RecoveryDiskType string?, RecoveryResourceGroup string?
    VpgSettingsPublicCloudRecoveryApi
      Failover VpgSettingsPublicCloudInfoRecoveryApi?,
      FailoverTest VpgSettingsPublicCloudInfoRecoveryApi?
    VpgSettingsRecoveryApi
      DefaultHostIdentifier string?, DefaultHostClusterIdentifier string?,
      DefaultDatastoreIdentifier string?, DefaultDatastoreClusterIdentifier string?,
      DefaultFolderIdentifier string?, ResourcePoolIdentifier string?,
      VCD VpgSettingsVcdRecoveryApi?, PublicCloud VpgSettingsPublicCloudRecoveryApi?,
      DefaultResourcePoolIdentifier string?
    VpgSettingsScratchApi
      Limitation VpgSettingsScratchLimitationApi?, DatastoreIdentifier string?,
      DatastoreClusterIdentifier string?
    VpgSettingsScratchLimitationApi
      HardLimitInMB integer?, HardLimitInPercent integer?, WarningThresholdInMB integer?,
      WarningThresholdInPercent integer?
    VpgSettingsScriptApi
      Command string?, Parameters string?, TimeoutInSeconds integer?
    VpgSettingsScriptsApi
      PreRecovery VpgSettingsScriptApi?, PostRecovery VpgSettingsScriptApi?,
      PostBackup VpgSettingsScriptApi?
    VpgSettingsVcdNetworkApi
      CopyNATRules string?, IsEnableGuestCustomization boolean?,
      Mapping [VpgSettingsVcdNetworksMappingApi]?,
      DefaultRecoveryOrgVdcNetworkIdentifier string?
    VpgSettingsVcdNetworksMappingApi
      ProtectedOrgVdcNetworkIdentifier string?, RecoveryOrgVdcNetworkIdentifier string?,
      ReverseTestOrgVdcNetworkIdentifier string?
    VpgSettingsVcdProtectedApi
      VcdVappIdentifier string?
    VpgSettingsVcdRecoveryApi
      OrgVdcIdentifier string?
    VpgSettingsVmApi
      VmIdentifier string?, Recovery VpgSettingsVmRecoveryApi?, BootGroupIdentifier string?,
      Journal VpgSettingsVmJournalApi?, Scratch VpgSettingsScratchApi?,
      Volumes [VpgSettingsVmVolumeApi]?, Nics [VpgSettingsVmNicApi]?
    VpgSettingsVmExistingVolumeApi
      DatastoreIdentifier string?, ExistingVmIdentifier string?, Mode string?, Path string?
    VpgSettingsVmJournalApi
      Limitation VpgSettingsVmJournalLimitationApi?, DatastoreIdentifier string?,
      DatastoreClusterIdentifier string?
    VpgSettingsVmJournalLimitationApi
      HardLimitInMB integer?, HardLimitInPercent integer?, WarningThresholdInMB integer?,
      WarningThresholdInPercent integer?
    VpgSettingsVmNicApi
      NicIdentifier string?, FailoverTest VpgSettingsVmNicNetworkApi?,
      Failover VpgSettingsVmNicNetworkApi?
    VpgSettingsVmNicHypervisorIpConfig
      StaticIp string?, SubnetMask string?, Gateway string?, PrimaryDns string?,
      SecondaryDns string?, IsDhcp boolean?
    VpgSettingsVmNicHypervisorNetworkApi
      NetworkIdentifier string?, ShouldReplaceMacAddress boolean?, DnsSuffix string?,
      IpConfig VpgSettingsVmNicHypervisorIpConfig?, ShouldReplaceIpConfiguration boolean?
    VpgSettingsVmNicNetworkApi
      Hypervisor VpgSettingsVmNicHypervisorNetworkApi?, VCD VpgSettingsVmNicVcdNetworkApi?,
      PublicCloud VpgSettingsVmNicPublicCloudNetworkApi?
    VpgSettingsVmNicPublicCloudNetworkApi
      SubnetIdentifier string?, SecurityGroupIdentifiers [string]?, PrivateIP string?,
      IsPrimary boolean
    VpgSettingsVmNicVcdNetworkApi
      IsResetMacAddress boolean?, IsPrimary boolean?, IsConnected boolean?, IpMode string?,
      IpAddress string?, RecoveryOrgVdcNetworkIdentifier string?
    VpgSettingsVmPublicCloudInfoRecoveryApi
      VmInstanceType string?, Azure VpgSettingsVmPublicCloudProviderInfoRecoveryApi?,
      VirtualNetworkIdentifier string?, Encryption PublicCloudEncryptionSettingsRecoveryApi?
    VpgSettingsVmPublicCloudProviderInfoRecoveryApi
      RecoveryDiskType string?
    VpgSettingsVmPublicCloudRecoveryApi
      Failover VpgSettingsVmPublicCloudInfoRecoveryApi?,
      FailoverTest VpgSettingsVmPublicCloudInfoRecoveryApi?
    VpgSettingsVmRecoveryApi
      HostIdentifier string?, HostClusterIdentifier string?, DatastoreIdentifier string?,
      DatastoreClusterIdentifier string?, FolderIdentifier string?,
      ResourcePoolIdentifier string?, VCD VpgSettingsVmVcdRecoveryApi?,
      PublicCloud VpgSettingsVmPublicCloudRecoveryApi?
    VpgSettingsVmVcdRecoveryApi
      StoragePolicyIdentifier string?
    VpgSettingsVmVolumeApi
      VolumeIdentifier string?, VCD VpgSettingsVmVolumeVcdApi?,
      Preseed VpgSettingsVmVolumePreseedApi?, RDM VpgSettingsVmVolumeRdmApi?,
      Datastore VpgSettingsVmVolumeDatastoreApi?, VolumeSyncSettings string:VolumeSyncSettings?,
      IsSwap boolean?, ExistingVolume VpgSettingsVmExistingVolumeApi?
    VpgSettingsVmVolumeDatastoreApi
      DatastoreClusterIdentifier string?, DatastoreIdentifier string?, IsThin boolean?
    VpgSettingsVmVolumePreseedApi
      DatastoreIdentifier string?, Path string?
    VpgSettingsVmVolumeRdmApi
      DeviceIdentifier string?, IsPhysical boolean?
    VpgSettingsVmVolumeVcdApi
      IsThin boolean?
    """
}
