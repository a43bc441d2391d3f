// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Which alerts the state of a VPG calls for, at either of its sites.
package struct VPGAlertRules: Sendable, Equatable {
  /// What is known of one VPG that is being protected.
  package struct Facts: Sendable, Equatable {
    /// -1 while there is nothing to recover to.
    package var rpoInSeconds = -1
    package var rpoTargetInSeconds = 300
    /// Whether a person stopped it, who then needs no alert that it has stopped.
    package var isPaused = false
    package var latestCheckpoint: WallTime?
    package var checkpointIntervalInSeconds = 5
    package var now = WallTime(milliseconds: 0)

    package init() {}
  }

  /// Seconds without a checkpoint that are never an alert.
  private static let shortestGap: Int64 = 60
  private static let intervalsInGap: Int64 = 10

  private let name: String
  private let vpg: VPGIdentifier

  /// The rules for a VPG called `name`.
  package init(name: String, vpg: VPGIdentifier) {
    self.name = name
    self.vpg = vpg
  }

  /// What is to be on.
  package func conditions(_ facts: Facts) -> [AlertCondition] {
    var found: [AlertCondition] = []
    func add(_ kind: AlertCondition.Kind, _ words: String) {
      found.append(
        AlertCondition(
          kind: kind,
          subject: .vpg(vpg),
          vpgs: [vpg],
          description: "The VPG \(name) \(words)"
        )
      )
    }
    if facts.rpoInSeconds > facts.rpoTargetInSeconds {
      add(
        .rpoExceeded,
        "has an RPO of \(facts.rpoInSeconds) seconds; its target is \(facts.rpoTargetInSeconds)."
      )
    }
    if let latest = facts.latestCheckpoint, !facts.isPaused {
      let gap = facts.now.milliseconds(since: latest) / 1000
      let interval = Int64(facts.checkpointIntervalInSeconds)
      if gap >= max(Self.shortestGap, Self.intervalsInGap * interval) {
        add(.checkpointGap, "has made no checkpoint for \(gap) seconds.")
      }
    }
    return found
  }
}
