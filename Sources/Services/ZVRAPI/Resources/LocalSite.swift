// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// `/v1/localsite`: the site itself.
enum LocalSite: Resource {
  static let root = "localsite"
  static let interface = "ILocalSiteService"

  static var routes: [Route] {
    [
      Route(.get, "localsite", "The site.") { call in
        let links = await call.links()
        return .value(.localSite(links.localSite, links))
      },
      Route(.get, "localsite/pairingstatuses", "The pairing statuses, by number.") { _ in
        .value(APIEnumerations.pairingStatus.listing)
      },
    ]
  }
}
