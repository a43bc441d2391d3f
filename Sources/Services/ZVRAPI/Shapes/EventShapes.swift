// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Events as the API shows them.

extension EventRecord {
  /// The API's number of what the event is about.
  var entityType: Int {
    switch kind {
    case .installVRA, .uninstallVRA, .upgradeVRA: 1
    case .unknown: 2
    case .pair, .unpair, .logIn: 3
    case .createVPG, .removeVPG, .failover, .failoverTest, .stopFailoverTest, .updateVPG,
      .insertTaggedCheckpoint, .initialSync, .failoverBeforeCommit, .failoverCommit,
      .failoverRollback, .move, .moveBeforeCommit, .moveCommit, .moveRollback, .pauseVPG,
      .resumeVPG, .clone, .relocate, .retain, .restore, .preScript, .postScript, .mountFiles,
      .unmountFiles:
      0
    case .alertTurnedOn, .alertTurnedOff: vpgs.isEmpty ? 3 : 0
    }
  }

  /// The API's number of the category: events, or alerts being turned on and off.
  var category: Int {
    kind == .alertTurnedOn || kind == .alertTurnedOff ? 2 : 1
  }
}

extension APIValue {
  /// `names`: The names of the VPGs and sites there are.
  static func event(_ event: EventRecord, names: SiteNames, _ links: Links) -> APIValue {
    let nothing = APIValue.list([], element: "ResourceLink")
    let organisation = names.organisations(of: event.vpgs).first
    return .object(
      "EventApi",
      [
        "EventIdentifier": .string(event.identifier),
        "EventType": APIEnumerations.eventType.value(event.kind.rawValue),
        "EventCategory": APIEnumerations.eventCategory.value(event.category),
        "EntityType": APIEnumerations.eventEntityType.value(event.entityType),
        "Description": .string(event.description),
        "OccurredOn": .date(event.occurred),
        "EventCompletedSuccessfully": .bool(event.succeeded),
        "UserName": .string(event.userName),
        "HelpLink": .null,
        "SiteIdentifier": .identifier(event.site),
        "SiteName": .text(names.sites[event.site]),
        "ZorgIdentifier": .text(organisation?.identifier),
        "ZorgName": .text(organisation?.name),
        "Vpgs": .list(
          event.vpgs.map { vpg in
            .object(
              "EventVpgApi",
              [
                "VpgIdentifier": .identifier(vpg),
                "VpgName": .string(names.vpgs[vpg] ?? ""),
                "Link_{0}": links.selfLink("VpgApi", "vpgs", vpg.rawValue),
              ]
            )
          },
          element: "EventVpgApi"
        ),
        "RelatedEntities": .object(
          "EventRelatedEntitiesApi",
          [
            "Vpgs": .list(event.vpgs.map(links.vpg), element: "ResourceLink"),
            "Sites": .list([links.site(event.site)], element: "ResourceLink"),
            "Hosts": nothing,
            "Zorgs": nothing,
            "Alerts": .list(
              [event.alert].compactMap(\.self).map { links.link("AlertApi", "alerts", $0) },
              element: "ResourceLink"
            ),
            "FlrSessions": nothing,
            "Repositories": nothing,
          ]
        ),
        "Link": links.link("EventApi", "events", event.identifier),
        "Link_{0}": links.selfLink("EventApi", "events", event.identifier),
      ]
    )
  }
}
