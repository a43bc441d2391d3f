// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/events`: what happened.
enum Events: Resource {
  static let root = "events"
  static let interface = "IEventsService"

  /// Events answered to a call that names no period.
  private static let usualLimit = 1000
  /// Events looked through for a call that names a period or filters.
  private static let searchLimit = 100_000
  /// The filters by text.
  private static let searched = [
    "vpgIdentifier", "vpg", "siteIdentifier", "siteName", "userName", "zorgIdentifier",
    "alertIdentifier",
  ]

  static var routes: [Route] {
    reading.confined(.byAnswer) + listings.confined(.harmless)
  }

  private static var listings: [Route] {
    [
      Route(.get, "events/types", "The kinds of events, by number.") { _ in
        .value(APIEnumerations.eventType.listing)
      },
      Route(.get, "events/categories", "The categories of events, by number.") { _ in
        .value(APIEnumerations.eventCategory.listing)
      },
      Route(.get, "events/entities", "What events are about, by number.") { _ in
        .value(APIEnumerations.eventEntityType.listing)
      },
    ]
  }

  private static var reading: [Route] {
    [
      Route(.get, "events", "The events; without a period at most the last 1000.", answer: list),
      Route(.get, "events/{eventIdentifier}", "One event.") { call in
        let identifier = call.parameter("eventIdentifier").lowercased()
        let event = try await call.site.event(identifier)
        guard APICall.sees(event.vpgs, try await call.visibleVPGs()) else {
          throw SiteError.notFound("There is no event \(identifier).")
        }
        return .value(.event(event, names: try await call.site.names(), call.links()))
      },
    ]
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let query = call.query
    let start = try query.date("startDate")
    let end = try query.date("endDate")
    let kind = try query.number("eventType", of: APIEnumerations.eventType)
    let entity = try query.number("entityType", of: APIEnumerations.eventEntityType)
    let category = try query.number(
      "category",
      "eventCategory",
      of: APIEnumerations.eventCategory
    )
    let names = try await call.site.names()
    let vpg = query.text("vpgIdentifier", "vpg")?.lowercased()
    let zorg = query.text("zorgIdentifier")
    let limit = start == nil && end == nil ? usualLimit : searchLimit
    // The store finds a period and a number by itself; for the rest each event is looked at.
    let visible = try await call.visibleVPGs()
    let isSearch =
      visible != nil || kind ?? entity ?? category != nil
      || searched.contains { query.text($0) != nil }
    let read = isSearch ? searchLimit : limit
    let found = try await call.site.events(from: start, to: end, limit: read).lazy.filter {
      event in
      APICall.sees(event.vpgs, visible)
        && kind ?? event.kind.rawValue == event.kind.rawValue
        && entity ?? event.entityType == event.entityType
        && (category ?? 0 == 0 || category == event.category)
        && vpg.map { event.vpgs.contains(VPGIdentifier($0)) } ?? true
        && query.matches("siteIdentifier", event.site.rawValue)
        && query.matches("siteName", names.sites[event.site] ?? "")
        && query.matches("userName", event.userName)
        && zorg.map { zorg in
          names.organisations(of: event.vpgs).contains { $0.identifier.isSame(as: zorg) }
        } ?? true
        && query.matches("alertIdentifier", event.alert ?? "")
    }
    let links = call.links()
    return .list(
      found.prefix(limit).map { .event($0, names: names, links) },
      of: "EventApi"
    )
  }
}
