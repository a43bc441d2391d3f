// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Licence, service profiles and organisations as the API shows them.

extension APIValue {
  /// Without a key there is still no limit, which the largest number says.
  static func licence(_ view: LicenceView) -> APIValue {
    .object(
      "LicenseApi",
      [
        "Details": .object(
          "LicenseDetailsApi",
          [
            "LicenseKey": .text(view.licence?.key),
            "LicenseType": .string("Unlimited"),
            "ExpiryTime": .null,
            "MaxVms": .integer(Int(Int32.max)),
          ]
        ),
        "Usage": .object(
          "LicenseUsageApi",
          [
            "SitesUsage": .list(
              view.sites.map { site in
                .object(
                  "LicenseSiteUsageApi",
                  [
                    "SiteIdentifier": .identifier(site.identifier),
                    "SiteName": .string(site.name),
                    "ProtectedVmsCount": .integer(site.protectedVMs),
                  ]
                )
              },
              element: "LicenseSiteUsageApi"
            ),
            "TotalVmsCount": .integer(view.sites.map(\.protectedVMs).reduce(0, +)),
          ]
        ),
      ]
    )
  }

  static func serviceProfile(_ profile: ServiceProfile, _ links: Links) -> APIValue {
    .object(
      "ServiceProfileApi",
      [
        "Link": links.link("ServiceProfileApi", "serviceprofiles", profile.identifier),
        "ServiceProfileName": .string(profile.name),
        "Rpo": .string(duration(seconds: profile.rpoInSeconds)),
        "History": .string(duration(seconds: profile.historyInHours * 3600)),
        "MaxJournalSizeInPercent": .integer(profile.journalLimitInPercent),
        "TestInterval": .string(duration(seconds: profile.testIntervalInMinutes * 60)),
        "Description": .string(profile.description),
        "JournalWarningThresholdInPercent": .integer(profile.journalWarningInPercent),
        "ServiceProfileIdentifier": .string(profile.identifier),
      ]
    )
  }

  static func zorg(_ zorg: Organisation, _ links: Links) -> APIValue {
    .object(
      "ZorgApi",
      [
        "Link": links.zorg(zorg.identifier),
        "ZorgName": .string(zorg.name),
        "ZorgIdentifier": .string(zorg.identifier),
      ]
    )
  }

  /// A span as the API writes it: `[d.]hh:mm:ss`.
  static func duration(seconds: Int) -> String {
    let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
      .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    return seconds >= 86_400 ? "\(seconds / 86_400).\(clock)" : clock
  }
}
