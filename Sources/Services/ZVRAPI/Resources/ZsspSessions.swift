// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/zsspsessions`: sessions of a self-service portal: there is no portal.
enum ZsspSessions: Resource {
  static let root = "zsspsessions"
  static let interface = "IZsspSessionsService"

  static var routes: [Route] {
    [
      Route(.get, "zsspsessions", "The sessions: there are none.") { _ in
        .list([], of: "ZsspSessionDetailsApi")
      },
      Route(
        .post,
        "zsspsessions",
        "Would open a session; not available.",
        body: #"{"ZorgIdentifier": "…", "ZsspAddress": "https://portal.example"}"#
      ) { call in
        guard let zorg = try call.body.text("ZorgIdentifier"), !zorg.isEmpty else {
          throw APIError.invalid("ZorgIdentifier is missing")
        }
        guard let address = try call.body.text("ZsspAddress"), !address.isEmpty else {
          throw APIError.invalid("ZsspAddress is missing")
        }
        guard
          try await call.site.organisations().contains(where: { $0.identifier.isSame(as: zorg) })
        else { throw APIError.notFound("there is no organisation \(zorg)") }
        throw APIError.notAvailable("a self-service portal")
      },
      Route(.get, "zsspsessions/{zsspSessionIdentifier}", "One session.", answer: unknown),
      Route(.delete, "zsspsessions/{zsspSessionIdentifier}", "Ends a session.", answer: unknown),
    ]
  }

  private static func unknown(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound(
      "there is no portal session \(call.parameter("zsspSessionIdentifier"))"
    )
  }
}
