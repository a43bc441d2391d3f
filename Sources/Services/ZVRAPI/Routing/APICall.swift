// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// A call on its way to a route's answer, with what the router found out about it.
struct APICall: Sendable {
  let request: APIRequest
  let parameters: [String: String]
  /// The body, empty if there was none.
  let body: APIObject
  /// nil only where anyone may call.
  let session: SessionRecord?
  let service: APIService

  var site: any SiteService { service.site }
  var query: APIQuery { request.query }
  var user: String { session?.user ?? "" }

  /// The links of this call's answer.
  func links() -> Links { Links(baseURL: request.baseURL, localSite: site.siteIdentifier) }

  /// The text in the path where the route says `{name}`.
  func parameter(_ name: String) -> String { (parameters[name] ?? "").withoutBraces }

  var vpg: VPGIdentifier { VPGIdentifier(parameter("vpgIdentifier").lowercased()) }

  var siteInPath: SiteIdentifier { SiteIdentifier(parameter("siteIdentifier").lowercased()) }
}
