// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration

/// `/v1/localsite`: the site itself.
enum LocalSite: Resource {
  static let root = "localsite"
  static let interface = "ILocalSiteService"

  static var routes: [Route] {
    [
      Route(.get, "localsite", "The site.") { call in
        let links = call.links()
        let banner = try await LocalSiteBanner.book(call).banner()
        return .value(.localSite(await call.site.localSite(), banner: banner, links))
      },
      Route(.get, "localsite/pairingstatuses", "The pairing statuses, by number.") { _ in
        .value(APIEnumerations.pairingStatus.listing)
      },
      Route(
        .post,
        "localsite/billing/sendUsage",
        "Tells those who are sent events how many VMs are protected.",
        answer: sendUsage
      ),
      Route(
        .post,
        "localsite/settings/sendusage",
        "The same under another name.",
        answer: sendUsage
      ),
      Route(
        .put,
        "localsite/virtualizationsettings",
        "Changes the account the manager logs in with where libvirt asks for one, once it has "
          + "proved to be right.",
        body: #"{"Credentials": {"UserName": "…", "Password": "…"}}"#
      ) { call in
        let credentials = call.body.object("Credentials")
        guard let user = try credentials.text("UserName"), !user.isEmpty else {
          throw APIError.invalid("Credentials.UserName is missing")
        }
        guard let password = try credentials.text("Password"), !password.isEmpty else {
          throw APIError.invalid("Credentials.Password is missing")
        }
        guard !(user + password).utf8.contains(where: { $0 < 0x20 }) else {
          throw APIError.invalid("Credentials have no line breaks or other control characters")
        }
        try await call.site.setHypervisorAccount(
          HypervisorAccount(user: user, password: password),
          user: call.user
        )
        return .empty
      },
    ] + LocalSiteBanner.routes
  }

  /// There is no maker to send it to: it is an event, which syslog and webhooks get as any other.
  private static func sendUsage(_ call: APICall) async throws -> APIResponse {
    try await call.site.reportUsage(user: call.user)
    return .empty
  }
}
