// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/alerts`: what needs an administrator now.
enum Alerts: Resource {
  static let root = "alerts"
  static let interface = "IAlertsService"

  static var routes: [Route] {
    listings.confined(.harmless) + reading.confined(.byAnswer) + dismissing
  }

  private static var listings: [Route] {
    [
      Route(.get, "alerts/levels", "The levels of alerts, by number.") { _ in
        .value(APIEnumerations.alertLevel.listing)
      },
      Route(.get, "alerts/entities", "What alerts are about, by number.") { _ in
        .value(APIEnumerations.alertEntity.listing)
      },
      Route(.get, "alerts/helpidentifiers", "The help identifiers of alerts, by number.") { _ in
        .value(APIEnumerations.alertHelpIdentifier.listing)
      },
    ]
  }

  private static var reading: [Route] {
    [
      Route(.get, "alerts", "The alerts that are on.", answer: list),
      Route(.get, "alerts/{alertIdentifier}", "One alert.") { call in
        let identifier = call.parameter("alertIdentifier").lowercased()
        let visible = try await call.visibleVPGs()
        let found = await call.site.alerts().first {
          $0.identifier == identifier && APICall.sees($0.condition.vpgs, visible)
        }
        guard let found else { throw SiteError.notFound("There is no alert \(identifier).") }
        return .value(.alert(AlertView(found, try await call.site.names()), call.links()))
      },
    ]
  }

  private static var dismissing: [Route] {
    [
      Route(
        .post,
        "alerts/{alertIdentifier}/dismiss",
        "Mark an alert as seen.",
        access: .needs(.acknowledge)
      ) { call in
        try await setDismissed(true, call)
      },
      Route(
        .post,
        "alerts/{alertIdentifier}/undismiss",
        "Mark an alert as not seen.",
        access: .needs(.acknowledge)
      ) { call in
        try await setDismissed(false, call)
      },
    ]
  }

  private static func setDismissed(
    _ isDismissed: Bool,
    _ call: APICall
  ) async throws -> APIResponse {
    let identifier = call.parameter("alertIdentifier").lowercased()
    try await call.site.setDismissed(isDismissed, alert: identifier)
    return .empty
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let query = call.query
    let start = try query.date("startDate")
    let end = try query.date("endDate")
    let level = try query.number("level", of: APIEnumerations.alertLevel)
    let entity = try query.number("entity", of: APIEnumerations.alertEntity)
    let isDismissed = try query.either("isDismissed")
    let vpg = query.text("vpgIdentifier", "vpg")?.lowercased()
    let local = call.site.siteIdentifier
    let names = try await call.site.names()
    let localName = names.sites[local] ?? ""
    let zorg = query.text("zorgIdentifier")
    let visible = try await call.visibleVPGs()
    let found = await call.site.alerts().map { AlertView($0, names) }.filter { view in
      let alert = view.record
      return APICall.sees(alert.condition.vpgs, visible)
        && start.map { alert.turnedOn >= $0 } ?? true
        && end.map { alert.turnedOn <= $0 } ?? true
        && level ?? alert.level == alert.level
        && entity ?? alert.entity == alert.entity
        && vpg.map { alert.condition.vpgs.contains(VPGIdentifier($0)) } ?? true
        && query.matches("siteIdentifier", local.rawValue)
        && query.matches("siteName", localName)
        && zorg.map { zorg in view.organisations.contains { $0.identifier.isSame(as: zorg) } }
          ?? true
        && query.matches("helpIdentifier", alert.condition.kind.rawValue)
        && isDismissed ?? alert.isDismissed == alert.isDismissed
    }
    return call.service.texts.alerts(found, call.links())
  }
}
