// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Which alerts the state of a VM's journal calls for.
///
/// An alert that is on stays until its condition is clearly over, so that a journal at its
/// threshold does not raise and clear it over and over.
package struct JournalAlertRules: Sendable, Equatable {
  /// What is known of one journal.
  package struct Facts: Sendable, Equatable {
    package var usedByteCount: UInt64 = 0
    /// As configured; nil is unlimited.
    package var hardLimitByteCount: UInt64?
    package var warningByteCount: UInt64?
    package var wantedSeconds = 0
    /// Set while the history is shorter than wanted, for want of room.
    package var keptSeconds: Double?
    /// Whether it is the disk that has no room, and not the limit.
    package var isDiskShort = false
    package var lastError = ""
    /// What is damaged of the journal, in words; nil if nothing is known to be.
    package var damage: String?
    /// Why it is not at the places it is to be moved to; empty if no move has failed.
    package var moveFailure = ""

    package init() {}
  }

  private let vm: String
  private let stream: StreamIdentifier
  private let vpg: VPGIdentifier
  /// Below this share of its threshold an alert about space is over.
  private let relief: Double

  /// The rules for the journal of `vm`, a VM of a VPG.
  package init(
    vm: String,
    stream: StreamIdentifier,
    vpg: VPGIdentifier,
    tweaks: Tweaks = Tweaks()
  ) {
    self.vm = vm
    self.stream = stream
    self.vpg = vpg
    relief = Double(tweaks.value(of: .journalAlertRelief)) / 100
  }

  /// What is to be on, given what `raised` is on now.
  package func conditions(_ facts: Facts, raised: Set<AlertCondition.Kind>) -> [AlertCondition] {
    var found: [AlertCondition] = []
    func add(_ kind: AlertCondition.Kind, _ words: String) {
      found.append(
        AlertCondition(
          kind: kind,
          subject: .stream(stream),
          vpgs: [vpg],
          description: "The journal of the VM \(vm) \(words)"
        )
      )
    }
    let history = facts.keptSeconds.map {
      "its history is \(Self.duration($0)) instead of \(Self.duration(Double(facts.wantedSeconds)))"
    }
    if facts.isDiskShort {
      add(.journalDiskFull, "has no room on its disk: \(history ?? "new writes wait").")
    } else if let history {
      let limit = facts.hardLimitByteCount.map { " of \($0 >> 20) MB" } ?? ""
      add(.journalLimitReached, "has reached its limit\(limit): \(history).")
    }
    if let warning = facts.warningByteCount {
      let isOn = raised.contains(.journalSpaceLow)
      let threshold = Double(warning) * (isOn ? relief : 1)
      if Double(facts.usedByteCount) >= threshold {
        add(.journalSpaceLow, "takes \(facts.usedByteCount >> 20) MB; \(warning >> 20) MB warn.")
      }
    }
    if let damage = facts.damage {
      add(
        .journalError,
        "is damaged: \(damage). Points that need what is damaged cannot be recovered, and the "
          + "history may not be shortened past it; a forced sync writes it anew."
      )
    } else if !facts.lastError.isEmpty, !facts.isDiskShort {
      add(.journalError, "cannot be written: \(facts.lastError).")
    } else if !facts.moveFailure.isEmpty {
      add(
        .journalError,
        "could not be moved with its replicas: \(facts.moveFailure). It is complete where it is, "
          + "and the move is tried again every minute."
      )
    }
    return found
  }

  private static func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<120: "\(Int(seconds)) seconds"
    case ..<7200: "\(Int(seconds / 60)) minutes"
    default: "\(Int(seconds / 3600)) hours"
    }
  }
}
