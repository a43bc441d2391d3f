// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Something that needs an administrator, for as long as it lasts.
package struct AlertRecord: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var condition: AlertCondition
  package var turnedOn: WallTime
  /// Whether an administrator has seen enough of it; it stays until its condition ends.
  package var isDismissed: Bool

  package init(
    identifier: String,
    condition: AlertCondition,
    turnedOn: WallTime,
    isDismissed: Bool = false
  ) {
    self.identifier = identifier
    self.condition = condition
    self.turnedOn = turnedOn
    self.isDismissed = isDismissed
  }
}

/// What an alert says.
package struct AlertCondition: Codable, Sendable, Hashable {
  /// The kinds of alerts, by the API's help identifiers.
  package enum Kind: String, Codable, Sendable, CaseIterable {
    case applianceLost = "ZVM0002"
    case peerLost = "ZVM0003"
    case checkpointGap = "VPG0009"
    case rpoExceeded = "VPG0010"
    case journalDiskFull = "VRA0006"
    case journalError = "VRA0007"
    case journalLimitReached = "VRA0039"
    case journalSpaceLow = "VRA0040"
    /// The API has no identifier for it.
    case splitBrain = "Unknown"

    package var rule: AlertRule {
      guard let rule = AlertRule.table.first(where: { $0.kind == self }) else {
        preconditionFailure("no rule for \(self)")
      }
      return rule
    }

    /// Whether something is amiss already, and not only about to be.
    package var isError: Bool { rule.isError }

    package var level: AlertLevel { isError ? .error : .warning }
  }

  /// What an alert is about.
  package enum Subject: Codable, Sendable, Hashable {
    case stream(StreamIdentifier)
    /// What the stream's VM writes while it is tested or failed over.
    case scratch(StreamIdentifier)
    case vpg(VPGIdentifier)
    case appliance(ApplianceIdentifier)
    case peer(SiteIdentifier)
  }

  package var kind: Kind
  package var subject: Subject
  /// The VPGs it affects.
  package var vpgs: [VPGIdentifier]
  /// In words for an administrator.
  package var description: String

  package init(kind: Kind, subject: Subject, vpgs: [VPGIdentifier], description: String) {
    self.kind = kind
    self.subject = subject
    self.vpgs = vpgs
    self.description = description
  }
}

/// How bad an alert is: the API's alert statuses, of which 0 is that there is none.
package enum AlertLevel: Int, Sendable, Comparable {
  case warning = 1
  case error = 2

  package static func < (one: AlertLevel, other: AlertLevel) -> Bool {
    one.rawValue < other.rawValue
  }
}

/// The worst alerts that are on and that nobody dismissed, by what they are about.
package struct AlertLevels: Sendable, Equatable {
  private var vpgs: [VPGIdentifier: AlertLevel] = [:]
  private var subjects: [AlertCondition.Subject: AlertLevel] = [:]

  package init(_ alerts: [AlertRecord]) {
    for alert in alerts where !alert.isDismissed {
      let condition = alert.condition
      let level = condition.kind.level
      subjects[condition.subject] = max(subjects[condition.subject] ?? level, level)
      for vpg in condition.vpgs { vpgs[vpg] = max(vpgs[vpg] ?? level, level) }
    }
  }

  /// The worst that affects a VPG; nil without one.
  package func level(of vpg: VPGIdentifier) -> AlertLevel? { vpgs[vpg] }

  /// The worst about any of the subjects; nil without one.
  package func level(ofAny subjects: [AlertCondition.Subject]) -> AlertLevel? {
    subjects.compactMap { self.subjects[$0] }.max()
  }
}
