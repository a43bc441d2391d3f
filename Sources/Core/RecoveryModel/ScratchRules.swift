// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What the scratch space of a VM calls for that is tested, or failed over and not committed: what
/// it has written since it was started from a point.
///
/// A test that reaches its limit is paused, since its datastore is other VMs' too. A failed-over VM
/// is at work, so nobody pauses it: it is an alert alone.
package struct ScratchRules: Sendable, Equatable {
  /// What is known of one VM.
  package struct Facts: Sendable, Equatable {
    package var usedByteCount: UInt64 = 0
    /// As configured; nil is unlimited.
    package var hardLimitByteCount: UInt64?
    package var warningByteCount: UInt64?
    package var isTest = false

    package init() {}

    /// Whether the VM may write no more.
    package var isAtLimit: Bool { hardLimitByteCount.map { usedByteCount >= $0 } ?? false }

    /// Whether the VM is to be paused.
    package var callsForPause: Bool { isTest && isAtLimit }
  }

  private let vm: String
  private let stream: StreamIdentifier
  private let vpg: VPGIdentifier

  /// The rules for the scratch space of `vm`, a VM of a VPG.
  package init(vm: String, stream: StreamIdentifier, vpg: VPGIdentifier) {
    self.vm = vm
    self.stream = stream
    self.vpg = vpg
  }

  /// What is to be on.
  ///
  /// Scratch space never shrinks, so neither is ever nearly over.
  package func conditions(_ facts: Facts) -> [AlertCondition] {
    let what = "The scratch space of the \(facts.isTest ? "test" : "failover") of the VM \(vm)"
    func condition(_ kind: AlertCondition.Kind, _ words: String) -> AlertCondition {
      AlertCondition(
        kind: kind,
        subject: .scratch(stream),
        vpgs: [vpg],
        description: "\(what) \(words)"
      )
    }
    let used = "\(facts.usedByteCount >> 20) MB"
    if facts.isAtLimit, let limit = facts.hardLimitByteCount {
      let means =
        facts.isTest
        ? "The VM is paused; stop the test."
        : "Commit the failover or roll it back before the datastore is full."
      let words = "takes \(used), and its limit is \(limit >> 20) MB. \(means)"
      return [condition(.journalLimitReached, words)]
    }
    guard let warning = facts.warningByteCount, facts.usedByteCount >= warning else { return [] }
    return [condition(.journalSpaceLow, "takes \(used); \(warning >> 20) MB warn.")]
  }
}
