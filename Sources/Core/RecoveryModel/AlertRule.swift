// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// When an alert is raised, and when it is over.
///
/// The table is what there is; `docs/operating/alerts.md` shows it to operators, which a test
/// compares. ``JournalAlertRules`` and ``VPGAlertRules`` carry it out for journals and VPGs, and
/// ``SilenceRule`` for appliances and peers.
package struct AlertRule: Sendable, Equatable {
  /// What an alert is about, by the API's numbers.
  package enum Entity: Int, Sendable {
    case manager = 0
    case appliance = 1
    case vpg = 2
  }

  package var kind: AlertCondition.Kind
  package var entity: Entity
  package var isError: Bool
  package var raised: String
  package var over: String

  package static let table: [AlertRule] = [
    AlertRule(
      kind: .applianceLost,
      entity: .appliance,
      isError: true,
      raised: "an appliance of the site was silent for three seconds",
      over: "it answers"
    ),
    AlertRule(
      kind: .peerLost,
      entity: .manager,
      isError: true,
      raised: "the manager of a paired site was silent for three seconds",
      over: "it answers, or is no longer paired"
    ),
    AlertRule(
      kind: .checkpointGap,
      entity: .vpg,
      isError: false,
      raised: "a VPG made no checkpoint for a minute, or ten of its intervals if that is longer",
      over: "it made one"
    ),
    AlertRule(
      kind: .rpoExceeded,
      entity: .vpg,
      isError: true,
      raised: "a VPG's RPO is above its target",
      over: "it has been at or below its target for a minute"
    ),
    AlertRule(
      kind: .journalDiskFull,
      entity: .appliance,
      isError: true,
      raised: "the disk of a VM's journal has no room",
      over: "it has, and the history is as long as wanted"
    ),
    AlertRule(
      kind: .journalError,
      entity: .appliance,
      isError: true,
      raised: "a VM's journal cannot be written, or not be moved to another datastore",
      over: "it can; it is there, or is to stay"
    ),
    AlertRule(
      kind: .journalLimitReached,
      entity: .appliance,
      isError: true,
      raised: "a VM's history is shorter than wanted because its journal is at its limit, or the "
        + "scratch space of its test or failover is",
      over: "the history is as long as wanted; the test or failover has ended"
    ),
    AlertRule(
      kind: .journalSpaceLow,
      entity: .appliance,
      isError: false,
      raised: "a VM's journal, or the scratch space of its test or failover, takes as much as its "
        + "warning threshold",
      over: "it takes less than 95 % of that; the test or failover has ended"
    ),
    AlertRule(
      kind: .splitBrain,
      entity: .vpg,
      isError: true,
      raised: "a VM runs at both sites of its VPG, or both sites or neither protect it",
      over: "one of the sites was kept"
    ),
  ]
}

/// When something that is asked again and again counts as lost.
package struct SilenceRule: Sendable, Equatable {
  private var silent = 0

  package init() {}

  /// Takes one look.
  ///
  /// `patience`: Looks in a row without an answer, after which it is lost.
  ///
  /// Returns whether it is lost; nil while nobody can say.
  package mutating func look(
    isAnswering: Bool,
    patience: Int = Tweak.silenceAlert.usual
  ) -> Bool? {
    silent = isAnswering ? 0 : silent + 1
    if isAnswering { return false }
    return silent >= patience ? true : nil
  }
}
