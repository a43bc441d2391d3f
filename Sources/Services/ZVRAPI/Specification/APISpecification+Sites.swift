// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Sites, sessions, licences and what belongs to the whole site: calls.
  static let sitesCalls = """
    GET /v1/ -> [ApiListItem]
    DELETE /v1/license -> nothing
    GET /v1/license -> LicenseApi
    PUT /v1/license < LicenseKeyApi -> nothing
    GET /v1/localsite -> LocalSiteApi
    POST /v1/localsite/billing/sendUsage -> nothing
    GET /v1/localsite/pairingstatuses -> [string]
    GET /v1/localsite/settings/loginBanner -> LoginBannerSettingsApi
    PUT /v1/localsite/settings/loginBanner < LoginBannerSettingsApi -> nothing
    GET /v1/localsite/settings/logingbanner -> LoginBannerSettingsApi
    PUT /v1/localsite/settings/logingbanner < LoginBannerSettingsApi -> nothing
    POST /v1/localsite/settings/sendusage -> nothing
    PUT /v1/localsite/virtualizationsettings < VirtualizationSettingsApi -> nothing
    GET /v1/peersites -> [PeerSiteApi]
      ? peerName string, pairingStatus string:PairingStatus, location string, hostName string,
        port integer, paringStatus string:PairingStatus
    POST /v1/peersites < PairDataApi -> string
    POST /v1/peersites/generatetoken -> PairingTokenResult
    POST /v1/peersites/pair < PairDataApi -> string
    GET /v1/peersites/pairingstatuses -> [string]
    DELETE /v1/peersites/{siteIdentifier} < UnPairDataApi -> string
    GET /v1/peersites/{siteIdentifier} -> PeerSiteApi
    GET /v1/serverDateTime/dateTimeArgument -> datetime
      ? dateTime datetime
    GET /v1/serverDateTime/serverDateTimeLocal -> datetime
    GET /v1/serverDateTime/serverDateTimeUtc -> datetime
    GET /v1/serviceprofiles -> [ServiceProfileApi]
      ? siteIdentifier string, site string
    GET /v1/serviceprofiles/{serviceProfileIdentifier} -> ServiceProfileApi
    DELETE /v1/session -> nothing
    POST /v1/session/add < SessionAddRequest -> nothing
    GET /v1/zorgs -> [ZorgApi]
    GET /v1/zorgs/{zorgIdentifier} -> ZorgApi
    GET /v1/{resource}/help -> page
    """

  /// Sites, sessions, licences and what belongs to the whole site: objects.
  static let sitesObjects = """
    ApiListItem
      href string, rel string, type string
    LicenseApi
      Details LicenseDetailsApi?, Usage LicenseUsageApi?
    LicenseDetailsApi
      LicenseKey string?, LicenseType string?, ExpiryTime string?, MaxVms integer
    LicenseKeyApi
      LicenseKey string?
    LicenseSiteUsageApi
      SiteIdentifier string?, SiteName string?, ProtectedVmsCount integer
    LicenseUsageApi
      SitesUsage [LicenseSiteUsageApi]?, TotalVmsCount integer
    LocalSiteApi
      Link ResourceLink?, SiteName string?, Location string?, Version string?,
      DisplayVersion string?, ZvmApiVersion string?, ContactEmail string?, ContactName string?,
      ContactPhone string?, IsReplicationToSelfEnabled boolean, UtcOffsetInMinutes integer,
      SiteType string:SiteType?, IpAddress string?, BandwidthThrottlingInMBs double,
      SiteTypeVersion string?, PlatformInformation PlatformInformationApi?,
      IsLoginBannerEnabled boolean, LoginBanner string?, SiteIdentifier string
    LoginBannerSettingsApi
      IsLoginBannerEnabled boolean, LoginBanner string?
    PairDataApi
      HostName string?, Port integer, Token string?
    PairingTokenResult
      Token string?, UtcExpirationDate string?
    PeerSiteApi
      Link ResourceLink?, PeerSiteName string?, PairingStatus integer:PairingStatus,
      Location string?, HostName string?, Port integer, ProvisionedStorage long,
      UsedStorage long, IncomingThroughputInMb double, OutgoingBandWidth double,
      Version string?, SiteType string:SiteType?, RegionName string?, Link_{0} SelfLink,
      SiteIdentifier string
    PlatformInformationApi
      Azure PlatformInformationAzureApi?, VCenter PlatformInformationVCenterApi?
    PlatformInformationAzureApi
      RegionName string?, Subscription string?, ResourceGroup string?
    PlatformInformationVCenterApi
      Ip string?
    ServiceProfileApi
      Link ResourceLink?, ServiceProfileName string?, Rpo timespan, History timespan,
      MaxJournalSizeInPercent integer, TestInterval timespan, Description string?,
      JournalWarningThresholdInPercent integer, ServiceProfileIdentifier string
    SessionAddRequest
      AuthenticationMethod integer:AuthenticationMethod?
    UnPairDataApi
      IsKeepTargetDisks boolean
    VirtualizationCredentialsApi
      UserName string, Password string
    VirtualizationSettingsApi
      Credentials VirtualizationCredentialsApi
    ZorgApi
      Link ResourceLink?, ZorgName string?, ZorgIdentifier string
    """
}
