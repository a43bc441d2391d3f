// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/serviceprofiles`: levels of service that VPGs can be given by name.
enum ServiceProfiles: Resource {
  static let root = "serviceprofiles"
  static let interface = "IServiceProfilesService"

  static var routes: [Route] {
    [
      Route(.get, "serviceprofiles", "The service profiles.") { call in
        if let site = call.query.text("siteIdentifier", "site") {
          let local = call.site.siteIdentifier
          let known = [local] + (try await call.site.peerSites().map(\.identifier))
          guard known.contains(where: { $0.rawValue.isSame(as: site) }) else {
            throw APIError.notFound("there is no site \(site)")
          }
          // Profiles are those of this manager: a peer's own are asked for there.
          guard local.rawValue.isSame(as: site) else { return .list([], of: "ServiceProfileApi") }
        }
        let links = call.links()
        return .list(
          try await call.site.serviceProfiles().map { .serviceProfile($0, links) },
          of: "ServiceProfileApi"
        )
      },
      Route(.get, "serviceprofiles/{serviceProfileIdentifier}", "One profile.") { call in
        let name = call.parameter("serviceProfileIdentifier")
        guard
          let profile = try await call.site.serviceProfiles().first(where: {
            $0.identifier.isSame(as: name)
          })
        else { throw APIError.notFound("there is no service profile \(name)") }
        return .value(.serviceProfile(profile, call.links()))
      },
    ]
  }
}
