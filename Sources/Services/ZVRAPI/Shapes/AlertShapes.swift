// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Alerts as the API shows them.

extension AlertRecord {
  /// The API's number of the level: a warning, or an error.
  var level: Int { condition.kind.isError ? 1 : 0 }

  /// The API's number of what the alert is about; journals are the appliance's.
  var entity: Int { condition.kind.rule.entity.rawValue }
}

/// What is shown of an alert.
struct AlertView: Sendable, Equatable {
  let record: AlertRecord
  /// Those that have one of the alert's VPGs.
  let organisations: [Organisation]

  init(_ record: AlertRecord, _ names: SiteNames) {
    self.record = record
    organisations = names.organisations(of: record.condition.vpgs)
  }
}

extension APIValue {
  static func alert(_ view: AlertView, _ links: Links) -> APIValue {
    let alert = view.record
    return .object(
      "AlertApi",
      [
        "Link": links.link("AlertApi", "alerts", alert.identifier),
        "Level": APIEnumerations.alertLevel.value(alert.level),
        "Entity": APIEnumerations.alertEntity.value(alert.entity),
        "IsDismissed": .bool(alert.isDismissed),
        "HelpIdentifier": .string(alert.condition.kind.rawValue),
        "Site": links.site(links.localSite),
        "Description": .string(alert.condition.description),
        "TurnedOn": .date(alert.turnedOn),
        "AffectedVpgs": .list(
          alert.condition.vpgs.map(links.vpg),
          element: "ResourceLink"
        ),
        "AffectedZorgs": .list(
          view.organisations.map { links.zorg($0.identifier) },
          element: "ResourceLink"
        ),
        "Generation": .integer(0),
        "TurnedOffTime": .null,
      ]
    )
  }
}
