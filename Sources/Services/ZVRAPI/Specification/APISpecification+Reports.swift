// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Reports and resource samples: calls.
  static let reportsCalls = """
    GET /v1/reports/recovery -> [RecoveryReportApi]
      ? startTime datetime, endTime datetime, pageNumber integer, pageSize integer,
        vpgName string, recoveryType string:RecoveryReportType, state string:RecoveryReportState
    GET /v1/reports/recovery/{recoveryOperationIdentifier} -> RecoveryReportApi
    GET /v1/reports/resources -> [VmResourcesReportApi]
      ? startTime datetime, endTime datetime, pageNumber integer, pageSize integer,
        zorgName string, vpgName string, vmName string, protectedSiteName string,
        protectedClusterName string, protectedHostName string, protectedOrgVdc string,
        protectedVcdOrg string, recoverySiteName string, recoveryClusterName string,
        recoveryHostName string, recoveryOrgVdc string, recoveryVcdOrg string
    GET /v1/ZvmService/ResourcesReport/getSamples -> [VmResourcesInfo]
      ? fromTimeString datetime, toTimeString datetime, startIndex integer, count integer
    GET /v1/ZvmService/ResourcesReport/getSamplesWithFilter -> [VmResourcesInfo]
      ? fromTimeString datetime, toTimeString datetime, startIndex integer, count integer,
        filter string
    GET /ZvmService/ResourcesReport/getSamples -> [VmResourcesInfo]
      ? fromTimeString datetime, toTimeString datetime, startIndex integer, count integer
    GET /ZvmService/ResourcesReport/getSamplesWithFilter -> [VmResourcesInfo]
      ? fromTimeString datetime, toTimeString datetime, startIndex integer, count integer,
        filter string
    """

  /// Reports and resource samples: objects.
  static let reportsObjects = """
    CpuResourceReportApi
      CpuLimitationInMhz integer, CpuReservedInMhz integer, NumberOfvCpus integer,
      CpuUsedInMhz integer
    MemoryResourceReportApi
      ActiveGuestMemoryInMB long, ConsumedHostMemoryInMB long, MemoryInMB integer,
      MemoryLimitationInMB integer, MemoryReservedInMB integer
    PerformanceResourceReportApi
      BandwidthInBps double, ThroughputInBps double
    ProtectedComputeResourceReportApi
      ClusterName string?, HostName string?, VraName string?, OrgVdcName string?,
      ResourcePoolName string?
    ProtectedSiteResourceReportApi
      Compute ProtectedComputeResourceReportApi?, Storage ProtectedStorageResourceReportApi?,
      VmInfo VmInfoResourceReportApi?, SiteName string?, VcdOrgName string?
    ProtectedStorageResourceReportApi
      NumberOfVolumes integer, VolumesProvisionedStorageInGB double,
      VolumesUsedStorageInGB double
    RecoveryComputeResourceReportApi
      FailoverOrMoveInstanceType string?, FailoverOrMoveInstanceFamily string?,
      FailoverTestInstanceType string?, FailoverTestInstanceFamily string?, ClusterName string?,
      HostName string?, VraName string?, OrgVdcName string?, ResourcePoolName string?
    RecoveryReportApi
      RecoveryOperationIdentifier string?, General RecoveryReportsGeneralApi?,
      RecoverySettings RecoverySettingsReportApi?
    RecoveryReportsGeneralApi
      VpgIdentifier string?, VpgName string?, RecoveryType string:RecoveryReportType?,
      ProtectedSiteName string?, RecoverySiteName string?, StartTime string?, EndTime string?,
      PointInTime string?, RtoInSeconds string?, Status string?, InitiatedBy string?,
      Notes string?
    RecoverySettingVmVolumeApi
      VolumeName string?, DatastoreName string?
    RecoverySettingsReportApi
      Vpg RecoverySettingsVpgApi?, Vms [RecoverySettingsVmApi]?,
      Steps [RecoverySettingsStepApi]?
    RecoverySettingsStepApi
      Description string?, Result string?, StartTime string?, EndTime string?,
      ExecutionTime string?
    RecoverySettingsVmApi
      VmName string?, HostName string?, DatastoreName string?, FolderName string?,
      NetworkNames [string]?, Volumes [RecoverySettingVmVolumeApi]?
    RecoverySettingsVpgApi
      DefaultHostName string?, DefaultDatastoreName string?, DefaultNetworkName string?
    RecoverySiteResourceReportApi
      Compute RecoveryComputeResourceReportApi?, Storage RecoveryStorageResourceReportApi?,
      SiteName string?, VcdOrgName string?
    RecoveryStorageResourceReportApi
      JournalProvisionedStorageInGB double, JournalUsedStorageInGB double,
      DatastoreName string?, StoragePolicyName string?, VolumesProvisionedStorageInGB double,
      VolumesUsedStorageInGB double
    VmInfoResourceReportApi
      HardwareVersion string?, VmIdentifier string?, VmName string?, Cpu CpuResourceReportApi?,
      Memory MemoryResourceReportApi?
    VmResourceIdentifier
      InternalVmName string, ServerIdentifier VmResourceServerIdentifier
    VmResourceServerIdentifier
      ServerGuid string
    VmResourcesInfo
      ActiveGuestMemoryInMB integer?, BandwidthInBytes double?, ConsumedHostMemoryInMB integer?,
      CpuLimitInMhz integer?, CpuReservedInMhz integer?, CpuUsedInMhz integer?, CrmId string?,
      MemoryInMB integer?, MemoryLimitInMB integer?, MemoryReservedInMB integer?,
      NumberOfVolumes integer?, NumberOfvCpu integer?,
      RecoveryJournalProvisionedStorageInGB double?, RecoveryJournalUsedStorageInGB double?,
      RecoveryVolumesProvisionedStorageInGB double?, RecoveryVolumesUsedStorageInGB double?,
      ServiceProfile string?, SourceCluster string?, SourceHost string?, SourceOrgVDC string?,
      SourceResourcePool string?, SourceSite string?, SourceVCDOrg string?,
      SourceVolumesProvisionedStorageInGB double?, SourceVolumesUsedStorageInGB double?,
      SourceVraName string?, StorageProfile string?, TargetCluster string?,
      TargetDatastores string?, TargetHost string?, TargetOrgVDC string?,
      TargetResourcePool string?, TargetSite string?, TargetVCDOrg string?,
      TargetVraName string?, ThroughputInBytes double?, Timestamp datetime?,
      VmHardwareVersion string?, VmId VmResourceIdentifier?, VmName string?, VpgName string?,
      VpgType string?, Zorg string?
    VmResourcesReportApi
      SampleTime string?, Performance PerformanceResourceReportApi?, Vpg VpgResourceReportApi?,
      ProtectedSite ProtectedSiteResourceReportApi?, RecoverySite RecoverySiteResourceReportApi?
    VpgResourceReportApi
      CrmIdentifier string?, ServiceProfileName string?, VpgName string?,
      ProtectedAndRecoveryType string?, ZorgName string?
    """
}
