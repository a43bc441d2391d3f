// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// File restore, long-term retention and portal sessions: calls.
  static let longTermRetentionCalls = """
    GET /v1/flrs -> [FlrSessionInformationApi]
      ? vmIdentifier string
    POST /v1/flrs < FlrMountDataApi -> string
    DELETE /v1/flrs/{flrSessionIdentifier} -> string
    GET /v1/flrs/{flrSessionIdentifier} -> [FlrSessionInformationApi]
    POST /v1/flrs/{flrSessionIdentifier}/browse < BrowseDataApi -> PathInformationApi
    POST /v1/flrs/{flrSessionIdentifier}/download < FlrDownloadDataApi -> string
    POST /v1/ltr/catalog/deleteretentionsets < DeleteRetentionSetsApi -> nothing
    GET /v1/ltr/catalog/fullretentionsets -> RetentionSetsInfoApi
      ? repositoryIdentifier string, vpgIdentifier string, zorgIdentifier string
    GET /v1/ltr/catalog/fullretentionsets/{retentionSetIdentifier}/incrementals
      -> RetentionSetsInfoApi
    GET /v1/ltr/catalog/vms -> RecoverableVmsApi
    GET /v1/ltr/catalog/vms/{vmIdentifier}/retentionsets -> RetentionSetsApi
    GET /v1/ltr/catalog/vms/{vmIdentifier}/retentionsets/{retentionSetIdentifier}/settings
      -> RetentionSetVmSettingsApi
    GET /v1/ltr/health/vpgs -> VpgsLtrHealthApi
    GET /v1/ltr/repositories -> [RepositoriesSettingsApi]
      ? connectionType string, repositoryName string
    POST /v1/ltr/repositories < RepositoriesSettingsApi -> nothing
    DELETE /v1/ltr/repositories/{repositoryIdentifier} -> nothing
    PUT /v1/ltr/repositories/{repositoryIdentifier} < RepositoriesSettingsApi -> nothing
    GET /v1/ltr/repositories/{repositoryId} -> RepositoriesSettingsApi
    POST /v1/ltr/restore/vm < RestoreVmApi -> string
    POST /v1/ltr/vpgs/{vpgIdentifier}/retentionabort -> nothing
    POST /v1/ltr/vpgs/{vpgIdentifier}/retentionstart < RetentionStartInfoApi -> string
    GET /v1/zsspsessions -> [ZsspSessionDetailsApi]
    POST /v1/zsspsessions < ZsspSessionsApi -> string
    DELETE /v1/zsspsessions/{zsspSessionIdentifier} -> nothing
    GET /v1/zsspsessions/{zsspSessionIdentifier} -> ZsspSessionDetailsApi
    """

  /// File restore, long-term retention and portal sessions: objects.
  static let longTermRetentionObjects = """
    AWSS3BackupTargetStorageApi
      S3Region string?, S3BucketName string?, S3EndpointUrl string?, S3StorageClass string?,
      S3AccessKey string?, Path string?, S3SecretKey string, IsStandardIATiering boolean,
      IsGlacierTiering boolean, TieringToStandardIAInDays integer,
      TieringToGlacierInDays integer, IsImmutable boolean,
      ImmutabilityPolicy integer:LtrImmutabilityType, ImmutabilityDays integer
    AlertTipVisualObject
      Description string?, SiteName string?, AlertLevel integer:SystemStateAlertLevel,
      StartTime datetime, Id string?
    AlertsTipVisualObject
      Alerts [AlertTipVisualObject]?, HasMore boolean, TotalNumberOfAlerts integer,
      TotalNumberOfWarnings integer, TotalNumberOfErrors integer
    AzureBackupTargetStorageApi
      AzureCloud integer:AzureCloudEnvironment, AzureSa string?, AzureAppId string?,
      AzureTenantId string?, Path string?, AzureAppKey string, IsCoolTiering boolean,
      IsArchiveTiering boolean, TieringToCoolInDays integer, TieringToArchiveInDays integer,
      IsImmutable boolean, ImmutabilityPolicy integer:LtrImmutabilityType,
      ImmutabilityDays integer
    BflrMountDataApi
      VpgIdentifier string?, VmIdentifier string?, RetentionSetIdentifier string?,
      RepositoryIdentifier string?, RepositorySiteIdentifier string?,
      InitialDownloadPath string?
    BrowseDataApi
      Path string?, PageNumber integer?, PageSize integer?
    ButtonAvailabilityApi
      IsEnabled boolean, DisableReasonText string?
    CatalystBackupTargetStorageApi
      CatalystServer string?, CatalystStoreName string?, Username string?, Password string,
      Path string?
    DailySchedulingAndRetentionPeriodSettingsVisualObject
      DailyPeriod SchedulingAndRetentionPeriodSettingsVisualObject?
    DeleteRetentionSetInfoApi
      FullRetentionSetIdentifier string?, IncrementalRetentionSetsIdentifiers [string]?
    DeleteRetentionSetsApi
      RetentionSetsToDelete [DeleteRetentionSetInfoApi]?
    DownloadInformationApi
      IsDownloadable boolean, AdditionalInformation string?
    FlrDownloadDataApi
      PathList [string]?
    FlrMountDataApi
      jflr JflrMountDataApi?, bflr BflrMountDataApi?
    FlrSessionInformationApi
      FlrSessionStatus string:FlrSessionStatus?, FlrSessionIdentifier string?,
      FlrSessionType string:FlrSessionType?, VmIdentifier string?, VmVolumeIdentifier string?,
      VpgIdentifier string?, CheckpointIdentifier string?, MountTime string?,
      SelectedPath string?, NumberOfRelatedRunningTasks integer, RepositoryIdentifier string?,
      RetentionSetIdentifier string?, SiteIdentifier string?
    JflrMountDataApi
      VpgIdentifier string?, VmIdentifier string?, CheckpointIdentifier string?,
      InitialDownloadPath string?, VmVolumeIdentifier string?
    LtrBackupCompressionSettingsApi
      CompressionLevel integer:LtrCompressionLevel
    MonthlySchedulingAndRetentionPeriodSettingsVisualObject
      MonthlyPeriod SchedulingAndRetentionPeriodSettingsVisualObject?,
      TriggerType integer:LtrMonthlyTriggerType, WeekOfMonth integer:LtrWeekOfMonth,
      DayOfWeek integer:DayOfWeek, DayOfMonth integer:LtrDayOfMonth
    NFSBackupTargetStorageObjectApi
      Path string?
    NamedEntityApi
      Name string?, Identifier string?
    PathInformationApi
      MainPathItem PathItemInformationApi?, PathItems [PathItemInformationApi]?
    PathItemInformationApi
      Path string?, Type string:FlrPathItemType?, IsBrowsable boolean,
      DownloadInformation DownloadInformationApi?, SizeInBytes long?, CreationTime string?,
      LastAccessTime string?, LastWriteTime string?
    RecoverableVmApi
      Vm NamedEntityApi?, Vpg NamedEntityApi?, IsSearchable boolean, IsVmExist boolean
    RecoverableVmsApi
      Vms [RecoverableVmApi]?
    RepositoriesSettingsApi
      RepositoryIdentifier string?, RepositoryName string?, StorageType integer:LtrStorageType,
      ConnectionType integer:LtrBackupTargetType, DefaultRepository boolean,
      IsIndexRepository boolean, TotalCapacityGB long?, UsedCapacityGB long?,
      FreeCapacityGB long?, RepositoryState RepositoryStateApi?, Smb SMBBackupTargetStorageApi?,
      S3 AWSS3BackupTargetStorageApi?, Nfs NFSBackupTargetStorageObjectApi?,
      Catalyst CatalystBackupTargetStorageApi?, Azure AzureBackupTargetStorageApi?,
      S3-Compatible S3CompatibleStorageObjectApi?
    RepositoryStateApi
      AllocatedSpaceInGB long?, AvailableSpaceInGB long?, UsedSpaceInGB long?
    RestoreVmApi
      VmIdentifier string?, RetentionSetIdentifier string?, HostIdentifier string?,
      DatastoreIdentifier string?
    RetentionSetActionsInformationApi
      DeleteAction ButtonAvailabilityApi?
    RetentionSetImmutabilityApi
      ImmutabilityState string?, ImmutabilityExpiryTime datetime?
    RetentionSetInfoApi
      RetentionSetIdentifier string?, BackupMethod string?, Vpg NamedEntityApi?,
      Repository NamedEntityApi?, Zorg NamedEntityApi?, PointInTime datetime,
      ExpiryDate datetime, ActionType string?, StatusType string?, IsAppAware boolean,
      SizeInKB long?, AggregatedSizeInKB long?, NumberOfIncrementals integer,
      IsVpgExists boolean, RetentionSetImmutability RetentionSetImmutabilityApi?,
      RetentionSetActionsInformation RetentionSetActionsInformationApi?
    RetentionSetVmSettingsApi
      LtrVmIdentifier string?, RepositoryIdentifier string?, RetentionSetIdentifier string?,
      HostIdentifier string?, Volumes [VmVolumeSettingsApi]?, Nics [VmNicSettingsApi]?
    RetentionSetsApi
      RetentionSets [RetentionSetApi]?, LtrVmIdentifier string?
    RetentionSetsInfoApi
      RetentionSets [RetentionSetInfoApi]?
    RetentionStartInfoApi
      CheckpointId string?
    S3CompatibleStorageObjectApi
      S3Region string?, S3EndpointUrl string?, S3BucketName string?, S3AccessKey string?,
      S3SecretKey string, Path string?, IsImmutable boolean,
      ImmutabilityPolicy integer:LtrImmutabilityType, ImmutabilityDays integer
    SMBBackupTargetStorageApi
      Path string?, UserName string?, Password string
    SchedulingAndRetentionPeriodSettingsVisualObject
      Active boolean, PeriodType integer:LtrSchedulePeriodType,
      BackupStartTimeOfDayInMinutes integer, BackupMethod integer:LtrBackupMethod,
      ExpireAfterValue double, ExpireAfterUnit integer:LtrExpireTimeUnits
    SchedulingAndRetentionSettingsVisualObject
      DailySettings DailySchedulingAndRetentionPeriodSettingsVisualObject?,
      WeeklySettings WeeklySchedulingAndRetentionPeriodSettingsVisualObject?,
      MonthlySettings MonthlySchedulingAndRetentionPeriodSettingsVisualObject?,
      YearlySettings YearlySchedulingAndRetentionPeriodSettingsVisualObject?
    SuccessRateApi
      ExpectedRetentionSets integer, ActualSuccessfulRetentionSets integer
    SuccessRatePotentialImpact
      IsSuccessRateInfluencedByManualDeletion boolean
    VmNicSettingsApi
      NetworkIdentifier string?, DnsSuffix string?, Gateway string?, IsDhcp boolean,
      PrimaryDns string?, SecondaryDns string?, StaticIp string?, SubnetMask string?,
      ShouldReplaceMacAddress boolean
    VmVolumeSettingsApi
      DatastoreIdentifier string?, IsThin boolean, VolumeIdentifier string?
    VpgLtrHealthApi
      LtrVpgStatus integer:LtrVpgStatus, RetentionPolicyLatestChanged datetime,
      SuccessRate SuccessRateApi?, DateOfLastRun datetime, TimeOfLastSuccessfulRun datetime,
      SuccessRatePotentialImpact SuccessRatePotentialImpact?, VpgName string?, VpgId string?,
      VmsInVpg integer, Policy string?,
      SchedulingAndRetentionSettings SchedulingAndRetentionSettingsVisualObject?,
      RecoverySiteName string?, RepositoryName string?, RepositoryId string?, ZorgName string?,
      AlertStatus integer:AlertStatus, AlertTips AlertsTipVisualObject?,
      IsAbortBackupEnabled boolean, IsBackupEnabled boolean, IsUpdateEnabled boolean,
      IsFailoverEnabled boolean, IsFailoverTestEnabled boolean, IsMoveEnabled boolean,
      CompressionSettings LtrBackupCompressionSettingsApi?,
      ManageRetentionSetsAvailability ButtonAvailabilityApi?
    VpgsLtrHealthApi
      Vpgs [VpgLtrHealthApi]?
    WeeklySchedulingAndRetentionPeriodSettingsVisualObject
      DayOfWeek integer:DayOfWeek,
      WeeklyPeriod SchedulingAndRetentionPeriodSettingsVisualObject?
    YearlySchedulingAndRetentionPeriodSettingsVisualObject
      YearlyPeriod SchedulingAndRetentionPeriodSettingsVisualObject?,
      TriggerType integer:LtrYearlyTriggerType, WeekOfYear integer:LtrWeekOfYear,
      DayOfWeek integer:DayOfWeek, Month integer, Day integer
    ZsspSessionDetailsApi
      CreationTime string?, LogoutRedirectUrl string?, ZorgUserName string?,
      ZsspSessionIdentifier string?, Url string?, ZorgIdentifier string?, ZsspAddress string?
    ZsspSessionsApi
      ZorgIdentifier string, ZsspAddress string, LogoutRedirectUrl string?, ZorgUserName string?
    """
}
