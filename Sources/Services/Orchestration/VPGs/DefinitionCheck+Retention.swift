// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// Whether a policy of copies for years says all that it must.

extension DefinitionCheck {
  private static let retries = 1...100
  private static let retryIntervalInMinutes = 1...1440

  mutating func checkRetention() {
    guard let policy = definition.retention else { return }
    let place = policy.isLegacy ? "Backup" : "LongTermRetention"
    for (name, rule) in policy.rules { check(rule, policy, name, place) }
    if let retry = policy.retry, retry.isEnabled {
      if let count = retry.count { require(count, in: Self.retries, "\(place).Retry.Number") }
      if let minutes = retry.intervalInMinutes {
        require(minutes, in: Self.retryIntervalInMinutes, "\(place).Retry.IntervalInMinutes")
      }
    }
    guard policy.isEnabled else { return }
    if policy.repository == nil { note("\(place).RepositoryIdentifier", "it is missing") }
    if policy.rules.allSatisfy({ !$0.rule.isEnabled }) {
      note(
        policy.isLegacy ? "\(place).Scheduler.SchedulerPeriod" : "\(place).SchedulerPolicy",
        "it says on no day that a copy is to be made"
      )
    }
  }

  /// A repository of the recovery site, as that site has them.
  mutating func checkRepository(_ repositories: [RepositoryIdentifier]) {
    guard let policy = definition.retention, policy.isEnabled, let wanted = policy.repository,
      !repositories.contains(wanted)
    else { return }
    note(
      policy.isLegacy ? "Backup.RepositoryIdentifier" : "LongTermRetention.RepositoryIdentifier",
      "the recovery site has no repository \(wanted)"
    )
  }

  private mutating func check(
    _ rule: RetentionPolicy.Rule,
    _ policy: RetentionPolicy,
    _ name: String,
    _ place: String
  ) {
    let rulePlace = policy.isLegacy ? "\(place).Scheduler" : "\(place).SchedulerPolicy.\(name)"
    let spanPlace =
      policy.isLegacy ? "\(place).RetentionPeriod" : "\(rulePlace).RetentionDuration.Count"
    if let span = rule.span { require(span.count, in: 1...span.unit.most, spanPlace) }
    if let day = rule.day, day != RetentionPolicy.Rule.lastDay {
      require(day, in: 1...31, "\(rulePlace).DayOfMonth")
    }
    if let month = rule.month { require(month, in: 1...12, "\(rulePlace).MonthOfYear") }
    guard rule.isEnabled else { return }
    if rule.span == nil { note(spanPlace, "it is missing") }
    switch name {
    case "Weekly":
      if rule.weekday == nil { note("\(rulePlace).DayOfWeek", "it is missing") }
    case "Monthly":
      if (rule.day != nil) == (rule.weekday != nil && rule.week != nil) {
        note(rulePlace, "give either DayOfMonth, or WeekOfMonth with DayOfWeek")
      }
    case "Yearly":
      if (rule.month != nil && rule.day != nil) == (rule.weekday != nil && rule.week != nil) {
        note(rulePlace, "give either MonthOfYear with DayOfMonth, or DayOfYear with DayOfWeek")
      }
    default: break
    }
  }
}

extension RetentionPolicy {
  fileprivate var rules: [(name: String, rule: Rule)] {
    [("Daily", daily), ("Weekly", weekly), ("Monthly", monthly), ("Yearly", yearly)]
  }
}
