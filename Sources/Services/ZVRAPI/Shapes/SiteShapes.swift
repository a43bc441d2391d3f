// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Sites as the API shows them.

extension APIValue {
  static func localSite(
    _ site: LocalSiteView,
    banner: LoginBanner,
    _ links: Links
  ) -> APIValue {
    .object(
      "LocalSiteApi",
      [
        "SiteIdentifier": .identifier(site.identifier),
        "SiteName": .string(site.name),
        "Location": .string(site.location),
        "Version": .string(site.version),
        "DisplayVersion": .string(site.version),
        "ZvmApiVersion": .string("v1"),
        "ContactName": .string(site.contactName),
        "ContactEmail": .string(site.contactEmail),
        "ContactPhone": .string(site.contactPhone),
        "IpAddress": .string(site.address),
        "IsReplicationToSelfEnabled": .bool(true),
        "UtcOffsetInMinutes": .integer(site.utcOffsetInMinutes),
        "SiteType": APIEnumerations.siteType.value(0),
        "SiteTypeVersion": .string(site.hypervisorVersion),
        "BandwidthThrottlingInMBs": throttling(site),
        "PlatformInformation": .null,
        "IsLoginBannerEnabled": .bool(banner.isShown),
        "LoginBanner": .string(banner.text),
        "Link": links.site(site.identifier),
      ]
    )
  }

  /// What the site's streams may take of their line; -1 without a limit.
  static func throttling(_ site: LocalSiteView) -> APIValue {
    .double(site.bandwidthLimit.map { Double($0) / 1_048_576 } ?? -1)
  }

  static func peerSite(_ site: PeerSiteView, _ links: Links) -> APIValue {
    .object(
      "PeerSiteApi",
      [
        "SiteIdentifier": .identifier(site.identifier),
        "PeerSiteName": .string(site.name),
        "PairingStatus": APIEnumerations.pairingStatus.value(0),
        "Location": .string(site.location),
        "HostName": .string(site.host),
        "Port": .integer(site.port),
        "ProvisionedStorage": .integer(site.provisionedStorageInMB),
        "UsedStorage": .integer(site.usedStorageInMB),
        "IncomingThroughputInMb": .double(site.incomingMBPerSecond),
        "OutgoingBandWidth": .double(site.outgoingMBPerSecond),
        "Version": .string(site.version),
        "SiteType": APIEnumerations.siteType.value(0),
        "RegionName": .null,
        "Link": links.site(site.identifier),
        "Link_{0}": links.selfLink("PeerSiteApi", "peersites", site.identifier.rawValue),
      ]
    )
  }

  static func pairingToken(_ token: PairingTokenView) -> APIValue {
    .object(
      "PairingTokenResult",
      [
        "Token": .string(token.token),
        "UtcExpirationDate": .string(APIDate.americanText(of: token.expires)),
      ]
    )
  }

  static func virtualizationSite(_ site: SiteIdentifier, name: String) -> APIValue {
    .object(
      "VirtualizationSiteApi",
      ["SiteIdentifier": .identifier(site), "VirtualizationSiteName": .string(name)]
    )
  }
}
