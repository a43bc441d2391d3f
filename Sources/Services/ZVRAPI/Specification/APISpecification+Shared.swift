// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Objects that several resources use.
  static let sharedObjects = """
    NicNativeApi
      NicIdentifier string?
    ResourceLink
      rel string?, href string?, type string?, identifier string?
    ResourceTagApi
      Key string?, Value string?
    RetentionSetApi
      RepositoryIdentifier string?, RetentionSetIdentifier string?, TimeStamp string?,
      IsApplicationAware boolean, ZorgIdentifier string?, NumberOfVolumes integer,
      RepositorySiteIdentifier string?, Tier integer:LtrBackupTier
    SelfLink
      href string, rel string, type string
    VmNetworkAdapter
      DisplayName string?, NetworkIdentifier string?, IpAddresses [string]?
    VmNetworkInformation
      NetworkAdapters [VmNetworkAdapter]?
    VmPlatformInformation
      Azure VmPlatformInformationAzure?
    VmPlatformInformationAzure
      ResourceGroup string?, MachineSize string?, Tags [ResourceTagApi]?
    VmVolumeApi
      VmVolumeIdentifier string?, PublicCloudVolumeIdentifier string?
    """
}
