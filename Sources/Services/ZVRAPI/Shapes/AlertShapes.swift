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

extension APIValue {
  static func alert(_ alert: AlertRecord, _ links: Links) -> APIValue {
    .object(
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
        "AffectedZorgs": .list([], element: "ResourceLink"),
        "Generation": .integer(0),
        "TurnedOffTime": .null,
      ]
    )
  }
}
