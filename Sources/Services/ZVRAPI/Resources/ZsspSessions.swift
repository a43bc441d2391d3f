// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Orchestration
internal import RecoveryModel

/// `/v1/zsspsessions`: sessions of a self-service portal, each confined to one organisation: see
/// ``Confinement``.
///
/// A session's identifier is its token, so that only who may open one may list them.
enum ZsspSessions: Resource {
  static let root = "zsspsessions"
  static let interface = "IZsspSessionsService"

  private static let one = "zsspsessions/{zsspSessionIdentifier}"
  private static let access = Route.Access.needs(.administer)

  static var routes: [Route] {
    [
      Route(.get, "zsspsessions", "The sessions of self-service portals.", access: access) {
        call in
        .list(
          await call.service.sessions.portals().compactMap(details),
          of: "ZsspSessionDetailsApi"
        )
      },
      Route(
        .post,
        "zsspsessions",
        "Opens a session that sees and tests the VPGs of one organisation, and nothing else. "
          + "Answers what goes into x-zerto-session.",
        body: #"{"ZorgIdentifier": "…", "ZsspAddress": "https://portal.example"}"#,
        access: access,
        answer: open
      ),
      Route(.get, one, "One session.", access: access) { call in
        guard let shown = details(try await session(call)) else { return .empty }
        return .value(shown)
      },
      Route(.delete, one, "Ends a session.", access: access) { call in
        await call.service.sessions.end(try await session(call).token)
        return .empty
      },
    ]
  }

  private static func open(_ call: APICall) async throws -> APIResponse {
    guard let name = try call.body.text("ZorgIdentifier"), !name.isEmpty else {
      throw APIError.invalid("ZorgIdentifier is missing")
    }
    guard let address = try call.body.text("ZsspAddress"), !address.isEmpty else {
      throw APIError.invalid("ZsspAddress is missing")
    }
    let logoutURL = try call.body.text("LogoutRedirectUrl").flatMap { $0.isEmpty ? nil : $0 }
    for text in [address, logoutURL].compactMap(\.self) where !isWebAddress(text) {
      throw APIError.invalid("\(text) is not an address that begins with https:// or http://")
    }
    let known = try await call.site.organisations()
    guard let zorg = known.first(where: { $0.identifier.isSame(as: name) }) else {
      throw APIError.notFound("there is no organisation \(name)")
    }
    let user = try call.body.text("ZorgUserName").flatMap { $0.isEmpty ? nil : $0 }
    let session = await call.service.sessions.begin(
      Account(
        name: user ?? "portal of \(zorg.name)",
        subject: "zorg:\(zorg.identifier)",
        role: .tester
      ),
      portal: PortalSession(
        organisation: zorg.identifier,
        address: address,
        logoutURL: logoutURL,
        created: await call.site.now()
      )
    )
    return .text(session.token)
  }

  private static func isWebAddress(_ text: String) -> Bool {
    guard let url = URL(string: text), let host = url.host() else { return false }
    return ["https", "http"].contains(url.scheme?.lowercased()) && !host.isEmpty
  }

  private static func session(_ call: APICall) async throws -> SessionRecord {
    let identifier = call.parameter("zsspSessionIdentifier")
    let found = await call.service.sessions.portals().first { $0.token == identifier }
    guard let found else { throw APIError.notFound("there is no portal session \(identifier)") }
    return found
  }

  private static func details(_ session: SessionRecord) -> APIValue? {
    session.portal.map { portal in
      .object(
        "ZsspSessionDetailsApi",
        [
          "ZsspSessionIdentifier": .string(session.token),
          "ZorgIdentifier": .string(portal.organisation),
          "ZorgUserName": .string(session.user),
          "ZsspAddress": .string(portal.address),
          "Url": .string(portal.url(of: session.token)),
          "LogoutRedirectUrl": .text(portal.logoutURL),
          "CreationTime": .date(portal.created),
        ]
      )
    }
  }
}
