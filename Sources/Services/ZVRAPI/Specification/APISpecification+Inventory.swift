// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// The hypervisor's inventory: calls.
  static let inventoryCalls = """
    GET /v1/datastores -> [DatastoreApi]
    GET /v1/datastores/{datastoreIdentifier} -> DatastoreApi
    GET /v1/vcd/validOrgVdcs -> [VCDVirtualDatacenter]
    GET /v1/vcd/vmsWithoutMorefId -> [VCDVmMachine]
    GET /v1/virtualizationsites -> [VirtualizationSiteApi]
    GET /v1/virtualizationsites/{siteIdentifier} -> VirtualizationSiteApi
    GET /v1/virtualizationsites/{siteIdentifier}/datastoreclusters
      -> [DatastoreClusterNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/datastores -> [DatastoreNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/devices -> [DeviceDataApi]
      ? hostIdentifier string, deviceName string
    GET /v1/virtualizationsites/{siteIdentifier}/folders -> [FolderNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/hostclusters -> [HostClusterNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/hosts -> [HostNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/hosts/{hostIdentifier} -> HostNativeApi
    GET /v1/virtualizationsites/{siteIdentifier}/networks -> [NetworkNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/orgvdcs -> [OrgVdcNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/orgvdcs/{orgVdcIdentifier}/networks
      -> [NetworkNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/orgvdcs/{orgVdcIdentifier}/storagepolicies
      -> [SiteStoragePolicyApi]
    GET /v1/virtualizationsites/{siteIdentifier}/orgvdcs/{orgVdcIdentifier}/storageprofiles
      -> [SiteStoragePolicyApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/diskencryptionkeys
      -> [DiskEncryptionKeyApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/encryptionkeys
      -> [EncryptionKeyApi]
      ? keysContainerId string
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/encryptionkeys/{encryptionKeyId}
      -> EncryptionKeyApi
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/keyscontainers
      -> [KeysContainerApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/managedidentities
      -> [ManagedIdentityApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/resourceGroups
      -> [ResourceGroupApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/securityGroups
      -> [SecurityGroupApi]
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/subnets -> [SubnetApi]
      ? virtualNetworkIdentifier string
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/virtualNetworks
      -> [VirtualNetworkApi]
      ? virtualNetworkIdentifier string
    GET /v1/virtualizationsites/{siteIdentifier}/publiccloud/vmInstanceTypes
      -> [VmInstanceTypeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/repositories
      -> [BackupTargetInfoRepositoriesApi]
    GET /v1/virtualizationsites/{siteIdentifier}/resourcepools -> [ResourcePoolNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/vapps -> anything
    GET /v1/virtualizationsites/{siteIdentifier}/vcdvapps -> [VCDVappNativeApi]
    GET /v1/virtualizationsites/{siteIdentifier}/vms -> [VmNativeApi]
    GET /v1/volumes -> [VolumeApi]
      ? volumeType string:VolumeType, vpgIdentifier string, datastoreIdentifier string,
        protectedVmIdentifier string, owningVmIdentifier string
    """

  /// The hypervisor's inventory: objects.
  static let inventoryObjects = """
    BackupTargetInfoRepositoriesApi
      RepositoryIdentifier string?, RepositoryName string?, Path string?,
      ConnectionType string:RepositoryConnectionTypeName?,
      StorageType string:RepositoryStorageTypeName?
    BaseHostNativeApi
      HostIdentifier string?, HostVersion string?, VirtualizationHostName string?,
      ConnectionStatus string?
    DatastoreAlertApi
      Description string?, Level string:AlertLevel?, Link ResourceLink?
    DatastoreApi
      DatastoreIdentifier string?, DatastoreName string?, Config DatastoreConfigurationApi?,
      Stats DatastoreStatisticsApi?, Health DatastoreHealthApi?
    DatastoreClusterNativeApi
      DatastoreClusterName string?, DatastoreClusterIdentifier string?
    DatastoreConfigurationApi
      Devices [string]?, Type string?, OwningDatastoreCluster OwningDatastoreClusterApi?
    DatastoreHealthApi
      Status string:HealthStatus?, Alerts [DatastoreAlertApi]?
    DatastoreInfoApi
      CapacityInBytes long?, FreeInBytes long?, UsedInBytes long?, ProvisionedInBytes long?
    DatastoreNativeApi
      DatastoreName string?, DatastoreIdentifier string?,
      OwningDatastoreCluster DatastoreClusterNativeApi?
    DatastoreStatisticsApi
      NumVRAs integer, NumIncomingVMs integer, NumOutgoingVMs integer,
      AvailabilityStatus string:HealthStatus?, Usage DatastoreUsageApi?
    DatastoreUsageApi
      Datastore DatastoreInfoApi?, Zerto DatastoreZertoUsageInfoApi?
    DatastoreVolumeTypeUsageApi
      UsedInBytes long, ProvisionedInBytes long
    DatastoreZertoUsageInfoApi
      Protected DatastoreVolumeTypeUsageApi?, Recovery DatastoreVolumeTypeUsageApi?,
      Journal DatastoreVolumeTypeUsageApi?, Scratch DatastoreVolumeTypeUsageApi?,
      Appliances DatastoreVolumeTypeUsageApi?, Unknown DatastoreVolumeTypeUsageApi?
    DeviceDataApi
      DeviceIdentifier string?, DatastoreIdentifier string?, DeviceName string?,
      SizeInBytes long, HostIdentifiers [string]?, VmIdentifier string?, SizeInKb long,
      HostIdentifier string
    DiskEncryptionKeyApi
      Id string?, Name string?
    EncryptionKeyApi
      Id string?, Name string?, KeysContainerId string?
    FolderNativeApi
      FolderName string?, FolderIdentifier string?
    HostClusterNativeApi
      ClusterIdentifier string?, VirtualizationClusterName string?,
      AssociatedHosts [BaseHostNativeApi]?
    HostNativeApi
      AssociatedDatastores [DatastoreNativeApi]?, AssociatedNetworks [NetworkNativeApi]?,
      HostIdentifier string?, HostVersion string?, VirtualizationHostName string?,
      ConnectionStatus string?
    KeysContainerApi
      Id string?, Name string?
    ManagedIdentityApi
      Id string?, Name string?
    NetworkNativeApi
      VirtualizationNetworkName string?, NetworkIdentifier string?
    OrgVdcNativeApi
      OrgVdcName string?, Identifier string?, VcdVdcName string?, OrgVdcIdentifier string?
    OwningDatastoreClusterApi
      DatastoreClusterIdentifier string?, DatastoreClusterName string?
    ResourceGroupApi
      InternalId string?, ResourceGroupName string?
    ResourcePoolNativeApi
      ResourcepoolName string?, ResourcePoolIdentifier string?
    SecurityGroupApi
      SecurityGroupIdentifier string?, SecurityGroupName string?
    SiteStoragePolicyApi
      StoragePolicyIdentifier string?, StoragePolicyName string?, IsEnabled boolean
    StoragePolicyApi
      Identifier string?, Name string?
    SubnetApi
      VirtualNetworkIdentifier string?, SubnetIdentifier string?, SubnetName string?,
      IpRange string?
    VCDVappNativeApi
      VcdName string?, VcdVappIdentifier string?
    VCDVirtualDatacenter
      Id string?, Name string?
    VCDVmMachine
      Id string?, MoRefId string?, HRef string?, Name string?, Vdc string?, Org string?,
      Container string?, Status string?
    VirtualNetworkApi
      VirtualNetworkIdentifier string?, VirtualNetworkName string?
    VirtualizationSiteApi
      SiteIdentifier string?, VirtualizationSiteName string?
    VmInstanceTypeApi
      VmInstanceType string?, Description string?, VmSeries string?, IsPremiumSupported boolean
    VmNativeApi
      VmName string?, VmIdentifier string?, VmInstanceIdentifier string?,
      OwningHostIdentifier string?, OwningHostName string?, OwningDatastoreIdentifier string?,
      OwningDatastoreName string?, GuestOs string?, VmNetworkInformation VmNetworkInformation?,
      VmPerfMetricInfo VmPerfMetricInfo?, Nics [NicNativeApi]?, Volumes [VmVolumeApi]?,
      IsAgentInstalled boolean, PlatformInformation VmPlatformInformation?
    VmPerfMetricInfo
      ProvisionedStorageInMB integer, UsedStorageInMB integer, CpuCoresNum integer,
      MemorySizeInMB integer
    VolumeApi
      VolumeType string:VolumeType?, IsThinProvisioned boolean, VolumeIdentifier string?,
      Path VolumePathApi?, Size VolumeSizeApi?, Datastore VolumeDatastoreApi?,
      OwningVm VolumeVmApi?, ProtectedVm VolumeVmApi?, Vpg VolumeVpgApi?,
      StoragePolicy StoragePolicyApi?
    VolumeDatastoreApi
      Identifier string?, Name string?
    VolumePathApi
      Full string?, Relative string?, FileName string?
    VolumeSizeApi
      UsedInBytes long, ProvisionedInBytes long
    VolumeVmApi
      Identifier string?, Name string?
    VolumeVpgApi
      Identifier string?, Name string?
    """
}
