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
    case journalDiskFull = "VRA0006"
    case journalError = "VRA0007"
    case journalLimitReached = "VRA0039"
    case journalSpaceLow = "VRA0040"

    /// Whether something is amiss already, and not only about to be.
    package var isError: Bool { self != .journalSpaceLow }
  }

  package var kind: Kind
  /// The stream it is about.
  package var stream: StreamIdentifier
  package var vpg: VPGIdentifier
  /// In words for an administrator.
  package var description: String

  package init(
    kind: Kind,
    stream: StreamIdentifier,
    vpg: VPGIdentifier,
    description: String
  ) {
    self.kind = kind
    self.stream = stream
    self.vpg = vpg
    self.description = description
  }

  /// Whether it is the same trouble, however it is described by now.
  package func isSame(as other: AlertCondition) -> Bool {
    kind == other.kind && stream == other.stream && vpg == other.vpg
  }
}
