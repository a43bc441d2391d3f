// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A setting of a site that can be changed while its manager runs, by its name in the API.
///
/// `docs/operating/tweaks.md` shows this table to operators, which a test compares.
package enum Tweak: String, Codable, Sendable, CaseIterable {
  case checkpointInterval = "CheckpointIntervalInSeconds"
  case checkpointGapAlert = "CheckpointGapAlertInSeconds"
  case rpoAlertCalm = "RpoAlertCalmInSeconds"
  case silenceAlert = "SilenceAlertInSeconds"
  case journalAlertRelief = "JournalAlertReliefInPercent"
  case tapSuspensionLimit = "TapSuspensionLimitInMinutes"

  /// What holds while nobody sets it.
  package var usual: Int {
    switch self {
    case .checkpointInterval: 0
    case .checkpointGapAlert: 60
    case .rpoAlertCalm: 60
    case .silenceAlert: 3
    case .journalAlertRelief: 95
    case .tapSuspensionLimit: 1440
    }
  }

  package var range: ClosedRange<Int> {
    switch self {
    case .checkpointInterval: 0...3600
    case .checkpointGapAlert: 10...86_400
    case .rpoAlertCalm: 0...86_400
    case .silenceAlert: 1...600
    case .journalAlertRelief: 1...100
    case .tapSuspensionLimit: 1...10_080
    }
  }

  package var meaning: String {
    switch self {
    case .checkpointInterval:
      "seconds between two checkpoints of every VPG the site protects; 0 is each VPG's own interval"
    case .checkpointGapAlert:
      "seconds without a checkpoint that raise an alert, or ten intervals if that is longer"
    case .rpoAlertCalm:
      "seconds an RPO must keep to its target before its alert is over"
    case .silenceAlert:
      "seconds an appliance or a paired site's manager is silent before an alert is raised"
    case .journalAlertRelief:
      "percent of its warning threshold below which the alert about a journal's space is over"
    case .tapSuspensionLimit:
      "minutes for which a tap can be suspended at most"
    }
  }

  /// The tweak of that name, whatever its case.
  package init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() })
    else { return nil }
    self = found
  }
}

/// What a site's tweaks are set to.
package struct Tweaks: Codable, Sendable, Equatable {
  /// What somebody set, and why.
  package struct Setting: Codable, Sendable, Equatable {
    package var value: Int
    package var comment: String

    package init(value: Int, comment: String) {
      self.value = value
      self.comment = comment
    }
  }

  /// By name, so that a manager that does not know one leaves it alone.
  private var settings: [String: Setting] = [:]

  package init() {}

  /// What was set; nil if nobody set it, or to what this manager does not allow.
  package subscript(_ tweak: Tweak) -> Setting? {
    get {
      guard let setting = settings[tweak.rawValue], tweak.range.contains(setting.value) else {
        return nil
      }
      return setting
    }
    set { settings[tweak.rawValue] = newValue }
  }

  /// What holds.
  package func value(of tweak: Tweak) -> Int { self[tweak]?.value ?? tweak.usual }
}
