// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// What Understudy adds to the published API: calls.
  static let ownCalls = """
    GET /auth/realms/zerto/protocol/openid-connect/certs -> anything
    GET /auth/realms/zerto/.well-known/openid-configuration -> anything
    GET /ca.pem -> binary
    GET /swagger -> page
    GET /swagger/v1/swagger.json -> anything
    GET /v1/auditlog -> [AuditEntryApi]
      ? startDate datetime, endDate datetime, userName string, count integer
    GET /v1/flrs/{flrSessionIdentifier}/download -> binary
      ? path string
    GET /v1/flrs/{flrSessionIdentifier}/comparison -> FileComparisonApi
      ? firstChange integer, changeCount integer
    POST /v1/flrs/{flrSessionIdentifier}/comparison < FileComparisonRequestApi -> string
    GET /v1/reports/recovery/{recoveryOperationIdentifier}/evidence -> RecoveryEvidenceApi
    GET /v1/reports/recovery/{recoveryOperationIdentifier}/page -> page
    GET /v1/reports/recovery/{recoveryOperationIdentifier}/signature -> binary
    GET /v1/reports/signingkey -> binary
    GET /v1/reports/signingcertificate -> binary
    GET /v1/vms/{vmIdentifier}/pointsInTime/difference -> PointDifferenceApi
      ? vpgIdentifier string, fromCheckpoint string, toCheckpoint string, firstExtent integer,
        extentCount integer
    GET /v1/vpgs/{vpgIdentifier}/checkpoints/schedule -> CheckpointScheduleApi
    POST /v1/vpgs/{vpgIdentifier}/checkpoints/schedule < CheckpointScheduleApi -> string
    POST /v1/vpgs/{vpgIdentifier}/checkpoints/vss < VpgInsertTagCheckpointDataApi -> string
    POST /v1/ltr/restore/{taskIdentifier}/abort -> string
    GET /v1/vpgs/{vpgIdentifier}/exposure -> VpgExposureApi
    GET /v1/vpgs/{vpgIdentifier}/pointsearch -> PointSearchApi
    POST /v1/vpgs/{vpgIdentifier}/pointsearch < PointSearchRequestApi -> string
    DELETE /v1/vpgs/{vpgIdentifier}/pointsearch -> string
    GET /v1/vpgs/{vpgIdentifier}/splitbrain -> VpgSplitBrainApi
    POST /v1/vpgs/{vpgIdentifier}/splitbrain < SplitBrainKeepApi -> string
    GET /v1/tapsuspensions -> [TapSuspensionApi]
    POST /v1/tapsuspensions < TapSuspensionRequestApi -> [TapSuspensionApi]
    DELETE /v1/tapsuspensions < TapSuspensionRequestApi -> [TapSuspensionApi]
    """

  /// What Understudy adds to the published API: objects.
  static let ownObjects = """
    AuditEntryApi
      AuditEntryIdentifier string, OccurredOn datetime, UserName string, Role string,
      Source string, Action string, Status integer, Reason string
    DiskDifferenceApi
      VolumeIdentifier string, Target string, SizeInBytesBefore long, SizeInBytes long,
      ChangedInBytes long, ExtentCount integer, Extents [ExtentApi]
    CheckpointScheduleApi
      VssIntervalInMinutes integer
    ErrorApi
      Message string, errorCode integer, errorMessage string
    ExtentApi
      OffsetInBytes long, LengthInBytes long
    FileChangeApi
      Path string, Change string, Different [string], Before FileFactsApi?, After FileFactsApi?
    FileComparisonApi
      FlrSessionIdentifier string, FromSessionIdentifier string, Path string, IsDone boolean,
      EntriesLookedAt integer, FileSystems [FileSystemDifferenceApi], Problems [string],
      ListedCount integer, Changes [FileChangeApi]
    FileComparisonRequestApi
      FromSessionIdentifier string, Path string?
    FileFactsApi
      Type string, SizeInBytes long, LastWriteTime datetime, Mode string, UserNumber long,
      GroupNumber long, LinkTarget string?
    FileSystemDifferenceApi
      Name string, Added integer, Removed integer, Changed integer
    LossApi
      Writes long, Bytes long, OldestWriteAgeInMilliseconds long
    PointDifferenceApi
      VmIdentifier string, VmName string, From CheckpointApi, To CheckpointApi,
      Disks [DiskDifferenceApi]
    PointFileConditionApi
      VmIdentifier string?, Path string, Test string?, Value string?
    PointProbeApi
      Checkpoint CheckpointApi, HasPassed boolean, Finding string, Began datetime, Ended datetime
    PointSearchApi
      VpgIdentifier string, TaskIdentifier string?, UserName string, Began datetime,
      Ended datetime?, Url string?, NeedsGuestAgent boolean, Script string?,
      ScriptParameters string?, Files [PointFileConditionApi], TimeoutInSeconds integer,
      PointCount integer,
      MostProbes integer, LastGood CheckpointApi?, FirstBad CheckpointApi?,
      Probing CheckpointApi?, Probes [PointProbeApi], IsAborted boolean, Summary string
    PointSearchRequestApi
      Url string?, NeedsGuestAgent boolean?, Script string?, ScriptParameters string?,
      Files [PointFileConditionApi]?, TimeoutInSeconds integer?, OldestCheckpointIdentifier string?,
      NewestCheckpointIdentifier string?
    RecoveryEvidenceApi
      RecoveryOperationIdentifier string, RecoveryType string:RecoveryReportType,
      VpgIdentifier string, VpgName string, ProtectedSiteName string, RecoverySiteName string,
      Checkpoint CheckpointApi, Began datetime, Recovered datetime?, Ended datetime,
      RtoInSeconds double?, RpoInSeconds double?, HasSucceeded boolean, Reason string,
      Notes string, Requests [RecoveryRequestApi], Verifications [RecoveryVerificationApi],
      Steps [RecoveryStepApi], Vms [RecoverySettingsVmApi]
    RecoveryRequestApi
      Description string, UserName string, Time datetime
    RecoveryStepApi
      Description string, HasSucceeded boolean, Reason string, Began datetime, Ended datetime,
      Seconds double
    RecoveryVerificationApi
      Subject string, Finding string, HasPassed boolean, Time datetime
    SplitBrainChoiceApi
      SiteIdentifier string, SiteName string, Consequence string
    SplitBrainKeepApi
      KeepSiteIdentifier string
    TapSuspensionApi
      VpgIdentifier string, VmIdentifier string, VmName string, VolumeIdentifier string,
      Until datetime, IsFree boolean
    TapSuspensionRequestApi
      VmIdentifier string?, HostIdentifier string?, Disk string?, Minutes integer?
    VmExposureApi
      VmIdentifier string, VmName string, Loss LossApi?
    VpgExposureApi
      VpgIdentifier string, VpgName string, LatestCheckpoint CheckpointApi?, Loss LossApi?,
      Vms [VmExposureApi]
    VpgSplitBrainApi
      VpgIdentifier string, VpgName string, IsSplit boolean, VmNames [string],
      PartedAt CheckpointApi?, Choices [SplitBrainChoiceApi]
    """
}
