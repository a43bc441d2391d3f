// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/management/api/settings`: what the site is set to, in one object.
///
/// Zerto never published its members; these are what its older calls show one by one.
enum SiteSettings {
  static var routes: [Route] {
    [
      Route(.get, "/management/api/settings/v1/settings", "What the site is set to.") { call in
        let site = await call.site.localSite()
        let banner = try await LocalSiteBanner.book(call).banner()
        let tweaks = await call.site.tweaks()
        return .value(
          .object(
            "SiteSettingsApi",
            [
              "SiteIdentifier": .identifier(site.identifier),
              "SiteName": .string(site.name),
              "Location": .string(site.location),
              "ContactName": .string(site.contactName),
              "ContactEmail": .string(site.contactEmail),
              "ContactPhone": .string(site.contactPhone),
              "Version": .string(site.version),
              "IpAddress": .string(site.address),
              "BandwidthThrottlingInMBs": APIValue.throttling(site),
              "IsLoginBannerEnabled": .bool(banner.isShown),
              "LoginBanner": .string(banner.text),
              "Tweaks": .list(
                Tweak.allCases.filter { tweaks[$0] != nil }.map { .string($0.rawValue) },
                element: "string"
              ),
            ]
          )
        )
      }
    ]
  }
}
