// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Appliances: calls.
  static let vrasCalls = """
    GET /v1/vras -> [VraApi]
      ? vraName string, status string:VraStatus, vraVersion string, hostVersion string,
        ipAddress string, vraGroup string, datastoreName string, datastoreClusterName string,
        networkName string, vraIpConfigurationTypeApi string:VraIpConfigurationType
    POST /v1/vras < VraCreateDataApi -> string
    DELETE /v1/vras/cleanup -> [string]
      ? vaioAllowMaintenanceMode boolean
    POST /v1/vras/clusters < VrasOnClusterCreateDataApi -> string
    DELETE /v1/vras/clusters/{clusterIdentifier} -> string
      ? vaioAllowMaintenanceMode boolean
    POST /v1/vras/clusters/{clusterIdentifier} -> string
    PUT /v1/vras/clusters/{clusterIdentifier} -> string
      ? vaioAllowMaintenanceMode boolean
    GET /v1/vras/clusters/{clusterIdentifier}/settings -> VrasOnClusterDataApi
    POST /v1/vras/clusters/{clusterIdentifier}/settings < VrasOnClusterCreateDataApi -> string
    GET /v1/vras/ipconfigurationtypes -> [string]
    GET /v1/vras/statuses -> [string]
    POST /v1/vras/upgrade < VrasUpgradeDataApi -> string
    DELETE /v1/vras/{vraIdentifier} -> string
    GET /v1/vras/{vraIdentifier} -> VraApi
    PUT /v1/vras/{vraIdentifier} < VraEditDataApi -> string
    POST /v1/vras/{vraIdentifier}/changerecoveryvra/execute
      < VraChangeRecoveryHostSettingsApi
      -> string
    GET /v1/vras/{vraIdentifier}/changerecoveryvra/potentials -> [VraPotentialHostApi]
      ? vmIdentifier string
    POST /v1/vras/{vraIdentifier}/changerecoveryvra/recommendation
      < VraChangeRecoveryHostRecommendationRequestApi
      -> VraChangeRecoveryHostRecommendationResultApi
    POST /v1/vras/{vraIdentifier}/changerecoveryvra/validate
      < VraChangeRecoveryHostSettingsApi
      -> VraChangeRecoveryHostValidationResultsApi
    POST /v1/vras/{vraIdentifier}/upgrade -> string
    """

  /// Appliances: objects.
  static let vrasObjects = """
    VraAlertsApi
      VraAlertsStatus integer:AlertStatus
    VraApi
      Link ResourceLink?, VraIdentifier long, VraName string?, Status integer:VraStatus,
      UpgradeStatus integer:VraUpgradeStatus, Progress integer, VraVersion string?,
      VraDisplayVersion string?, HostVersion string?, VraNetworkDataApi VraNetworkDataApi?,
      VraGroup string?, MemoryInGB integer, DatastoreName string?, DatastoreIdentifier string?,
      VmInstanceType string?, DatastoreClusterName string?, DatastoreClusterIdentifier string?,
      NetworkName string?, NetworkIdentifier string?, HostIdentifier string?,
      HostDisplayName string?, ProtectedCounters VraProtectionCountersApi?,
      RecoveryCounters VraProtectionCountersApi?, SelfProtectedVpgs integer,
      VraAlerts VraAlertsApi?, NumOfCpus integer, IsGhost boolean, IsVaio boolean,
      PlatformInformation VraPlatformInformationApi?, Link_{0} SelfLink, IpAddress string,
      VraIdentifierStr string
    VraChangeRecoveryHostConstraintsApi
      FixedVmsAllocations [VraVmAllocationApi]?
    VraChangeRecoveryHostRecommendationRequestApi
      Constraints VraChangeRecoveryHostConstraintsApi?, VmsToCalculate [string]?
    VraChangeRecoveryHostRecommendationResultApi
      Recommendations [VraChangeRecoveryHostVmRecommendationApi]?
    VraChangeRecoveryHostSettingsApi
      VmsAllocations [VraVmAllocationApi]?
    VraChangeRecoveryHostValidationResultsApi
      VmsValidationsResults [VraChangeRecoveryHostVmValidationResultApi]?
    VraChangeRecoveryHostVmRecommendationApi
      VmIdentifier string?, HostIdentifier string?, HostName string?, Reason string?
    VraChangeRecoveryHostVmValidationResultApi
      VmIdentifier string?, HostIdentifier string?,
      Status integer:VraChangeRecoveryHostVmStatus, Reason string?
    VraCreateDataApi
      HostIdentifier string?, DatastoreIdentifier string?, NetworkIdentifier string?,
      HostRootPassword string?, MemoryInGb integer, GroupName string?,
      VraNetworkDataApi VraNetworkDataApi?, UsePublicKeyInsteadOfCredentials boolean,
      PopulatePostInstallation boolean?, NumOfCpus integer?, VmInstanceType string?
    VraEditDataApi
      HostRootPassword string?, GroupName string?, UsePublicKeyInsteadOfCredentials boolean,
      VraNetworkDataApi VraNetworkDataApi?, MemoryInGb integer?, NumOfCpus integer?
    VraNetworkDataApi
      VraIPConfigurationTypeApi string:VraIpConfigurationType?, VraIPAddress string?,
      VraIPAddressRangeEnd string?, SubnetMask string?, DefaultGateway string?
    VraPlatformInformationApi
      Azure VraPlatformInformationAzureApi?
    VraPlatformInformationAzureApi
      StorageAccountCmk string?
    VraPotentialHostApi
      HostIdentifier string?, HostName string?
    VraProtectionCountersApi
      Vpgs integer, Vms integer, Volumes integer
    VraVmAllocationApi
      HostIdentifier string?, VmIdentifier string?
    VrasOnClusterCreateDataApi
      ClusterIdentifier string?, DatastoreIdentifier string?, NetworkIdentifier string?,
      MemoryInGb integer, NumOfCpus integer, GroupName string?,
      VraNetworkDataApi VraNetworkDataApi?, UsePublicKeyInsteadOfCredentials boolean,
      AutoPopulatePostInstalltion boolean, HostRootPassword string?
    VrasOnClusterDataApi
      IsVaio boolean, ClusterDesiredState integer:ClusterDesiredState,
      ClusterStatus integer:ClusterStatus, ClusterName string?, ClusterIdentifier string?,
      DatastoreIdentifier string?, NetworkIdentifier string?, MemoryInGb integer,
      NumOfCpus integer, GroupName string?, VraNetworkDataApi VraNetworkDataApi?,
      UsePublicKeyInsteadOfCredentials boolean, AutoPopulatePostInstalltion boolean,
      HostRootPassword string?
    VrasUpgradeDataApi
      VraIdentifiers [string]
    """
}
