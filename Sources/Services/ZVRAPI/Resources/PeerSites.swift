// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/peersites`: the sites this one is paired with.
enum PeerSites: Resource {
  static let root = "peersites"
  static let interface = "IPeerSitesService"

  private static let pairing = #"{"HostName": "10.0.0.2", "Port": 9081, "Token": "…"}"#

  static var routes: [Route] {
    [
      Route(.get, "peersites", "The paired sites.", answer: list),
      Route(.get, "peersites/pairingstatuses", "The pairing statuses, by number.") { _ in
        .value(APIEnumerations.pairingStatus.listing)
      },
      Route(
        .post,
        "peersites/generatetoken",
        "Makes a token another site can pair with, once, within 48 hours.",
        body: "{}"
      ) { call in
        .value(.pairingToken(try await call.site.generatePairingToken()))
      },
      Route(
        .post,
        "peersites",
        "Pairs with the site at that address. Answers a task.",
        body: pairing,
        answer: pair
      ),
      Route(
        .post,
        "peersites/pair",
        "Pairs with the site at that address. Answers a task.",
        body: pairing,
        answer: pair
      ),
      Route(.get, "peersites/{siteIdentifier}", "One paired site.") { call in
        guard
          let site = try await call.site.peerSites().first(where: {
            $0.identifier == call.siteInPath
          })
        else { throw APIError.notFound("no site \(call.siteInPath) is paired") }
        return .value(.peerSite(site, call.links()))
      },
      Route(
        .delete,
        "peersites/{siteIdentifier}",
        "Ends the pairing. Answers a task.",
        body: #"{"IsKeepTargetDisks": true}"#
      ) { call in
        let task = try await call.site.unpair(call.siteInPath, user: call.user)
        return .text(task.rawValue)
      },
    ]
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let query = call.query
    let status = try query.number(
      "pairingStatus",
      "paringStatus",
      of: APIEnumerations.pairingStatus
    )
    let sites = try await call.site.peerSites().filter { site in
      // The one filter that is documented as minding the case.
      query.text("peerName").map { $0 == site.name } ?? true
        && status.map { $0 == 0 } ?? true
        && query.text("location").map { $0.isSame(as: site.location) } ?? true
        && query.text("hostName").map { $0.isSame(as: site.host) } ?? true
        && query.text("port").map { $0 == String(site.port) } ?? true
    }
    let links = call.links()
    return .list(sites.map { .peerSite($0, links) }, of: "PeerSiteApi")
  }

  private static func pair(_ call: APICall) async throws -> APIResponse {
    guard let host = try call.body.text("HostName"), !host.isEmpty else {
      throw APIError.invalid("HostName is missing")
    }
    let port = try call.body.integer("Port") ?? 9081
    guard (1...65_535).contains(port) else { throw APIError.invalid("Port is not a port") }
    guard let token = try call.body.text("Token"), !token.isEmpty else {
      throw APIError.invalid("Token is missing: the other site gives one out")
    }
    let task = try await call.site.pair(host: host, port: port, token: token, user: call.user)
    return .text(task.rawValue)
  }
}
