// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Which alerts the state of a VPG calls for, at either of its sites.
package struct VPGAlertRules: Sendable, Equatable {
  /// What is known of one VPG.
  package struct Facts: Sendable, Equatable {
    /// -1 while there is nothing to recover to.
    package var rpoInSeconds = -1
    package var rpoTargetInSeconds = 300
    /// When it was above its target the last time; nil if it was not while anybody looked.
    package var rpoExceededAt: WallTime?
    /// Whether a person stopped it, who then needs no alert that it has stopped.
    package var isPaused = false
    package var latestCheckpoint: WallTime?
    package var checkpointIntervalInSeconds = 5
    /// When the first checkpoint was due that was not made, and why the latest was not; nil and
    /// empty where they are made, or another site makes them.
    package var skippingSince: WallTime?
    package var skippingReason = ""
    /// Whether it is being protected, and not recovered.
    package var isProtected = true
    /// In what its sites contradict each other; empty if they do not.
    package var splitBrain = ""
    package var now = WallTime(milliseconds: 0)

    package init() {}
  }

  private static let intervalsInGap: Int64 = 10

  private let name: String
  private let vpg: VPGIdentifier
  /// Seconds without a checkpoint that are never an alert.
  private let shortestGap: Int64
  /// Seconds an RPO must keep to its target before its alert is over: one that swings about it is
  /// one alert, and not one a minute.
  private let calm: Int64

  /// The rules for a VPG called `name`.
  package init(name: String, vpg: VPGIdentifier, tweaks: Tweaks = Tweaks()) {
    self.name = name
    self.vpg = vpg
    shortestGap = Int64(tweaks.value(of: .checkpointGapAlert))
    calm = Int64(tweaks.value(of: .rpoAlertCalm))
  }

  /// What is to be on.
  ///
  /// `raised` is what is on.
  package func conditions(
    _ facts: Facts,
    raised: Set<AlertCondition.Kind>
  ) -> [AlertCondition] {
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
    if !facts.splitBrain.isEmpty { add(.splitBrain, facts.splitBrain) }
    guard facts.isProtected else { return found }
    if facts.rpoInSeconds > facts.rpoTargetInSeconds {
      add(
        .rpoExceeded,
        "has an RPO of \(facts.rpoInSeconds) seconds; its target is \(facts.rpoTargetInSeconds)."
      )
    } else if raised.contains(.rpoExceeded), let last = facts.rpoExceededAt,
      facts.now.milliseconds(since: last) < calm * 1000
    {
      add(
        .rpoExceeded,
        "had an RPO above its target of \(facts.rpoTargetInSeconds) seconds within the last "
          + (calm == 60 ? "minute." : "\(calm) seconds.")
      )
    }
    // A VPG that never made one has its gap from when the first was due.
    if let start = facts.latestCheckpoint ?? facts.skippingSince, !facts.isPaused {
      let gap = facts.now.milliseconds(since: start) / 1000
      let interval = Int64(facts.checkpointIntervalInSeconds)
      if gap >= max(shortestGap, Self.intervalsInGap * interval) {
        let reason = facts.skippingReason.isEmpty ? "" : " \(facts.skippingReason)"
        add(.checkpointGap, "has made no checkpoint for \(gap) seconds.\(reason)")
      }
    }
    return found
  }
}
