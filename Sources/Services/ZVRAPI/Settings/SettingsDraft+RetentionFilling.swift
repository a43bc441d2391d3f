// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// Filling settings from a VPG's policy of copies for years.

extension SettingsDraft {
  /// Writes the policy where a client of its kind looks for it.
  static func fill(_ tree: inout APIObject, with policy: RetentionPolicy) {
    if policy.isLegacy {
      tree["Backup"] = .object(backup(policy))
    } else {
      tree["LongTermRetention"] = .object(longTerm(policy))
    }
  }

  private static func longTerm(_ policy: RetentionPolicy) -> APIObject {
    var object = RetentionShapes.retention.blank
    object["Enabled"] = .bool(policy.isEnabled)
    object["RepositoryIdentifier"] = .identifier(policy.repository)
    object["RetentionRunTime"] = .text(policy.minuteOfDay.map(time))
    for (name, rule) in [
      ("Daily", policy.daily), ("Weekly", policy.weekly), ("Monthly", policy.monthly),
      ("Yearly", policy.yearly),
    ] {
      var entry = object.object("SchedulerPolicy", name)
      Self.fill(&entry, with: rule)
      object.set(.object(entry), at: "SchedulerPolicy", name)
    }
    guard let retry = policy.retry else { return object }
    object.set(.bool(retry.isEnabled), at: "Retry", "Enabled")
    object.set(.integer(retry.count), at: "Retry", "Number")
    object.set(.integer(retry.intervalInMinutes), at: "Retry", "IntervalInMinutes")
    return object
  }

  /// Sets those members that the rule's object has.
  private static func fill(_ entry: inout APIObject, with rule: RetentionPolicy.Rule) {
    func set(_ member: String, _ value: APIValue) {
      if entry[member] != nil { entry[member] = value }
    }
    let isLast = rule.week == RetentionPolicy.Rule.lastWeek
    set("Enabled", .bool(rule.isEnabled))
    set("DayOfWeek", named(rule.weekday, APIEnumerations.dayOfWeek))
    set("WeekOfMonth", named(rule.week.map { $0 - 1 }, APIEnumerations.weekOfMonth))
    set("DayOfYear", named(rule.week.map { _ in isLast ? 1 : 0 }, APIEnumerations.dayOfYear))
    set(
      "RetentionType",
      named(
        rule.kind.flatMap(APIEnumerations.retentionType.number),
        APIEnumerations.retentionType
      )
    )
    if let month = rule.month {
      let isKnown = RetentionShapes.months.indices.contains(month - 1)
      set("MonthOfYear", .string(isKnown ? RetentionShapes.months[month - 1] : "\(month)"))
    }
    if let day = rule.day {
      let isLast = day == RetentionPolicy.Rule.lastDay
      // A text in one of the rules, and a number in another.
      set(
        "DayOfMonth",
        entry["MonthOfYear"] == nil
          ? .string(isLast ? "Last" : "\(day)") : .integer(isLast ? 31 : day)
      )
    }
    guard let span = rule.span else { return }
    entry.set(.integer(span.count), at: "RetentionDuration", "Count")
    entry.set(
      named(span.unit.rawValue, APIEnumerations.retentionDuration),
      at: "RetentionDuration",
      "DurationType"
    )
  }

  private static func backup(_ policy: RetentionPolicy) -> APIObject {
    var object = RetentionShapes.backup.blank
    object["RepositoryIdentifier"] = .identifier(policy.repository)
    let span = policy.daily.span
    object["RetentionPeriod"] = named(
      RetentionShapes.periods.firstIndex { $0 == span },
      APIEnumerations.backupRetentionPeriod
    )
    let cycle = policy.daily.isEnabled ? 0 : policy.weekly.isEnabled ? 1 : nil
    object.set(
      named(cycle, APIEnumerations.backupSchedulerPeriod),
      at: "Scheduler",
      "SchedulerPeriod"
    )
    object.set(
      named(policy.weekly.weekday, APIEnumerations.dayOfWeek),
      at: "Scheduler",
      "DayOfWeek"
    )
    object.set(.text(policy.minuteOfDay.map(time)), at: "Scheduler", "TimeOfDay")
    guard let retry = policy.retry else { return object }
    object.set(.bool(retry.isEnabled), at: "Retry", "Retry")
    object.set(.integer(retry.count), at: "Retry", "Number")
    object.set(.integer(retry.intervalInMinutes), at: "Retry", "IntervalInMinutes")
    return object
  }

  private static func named(_ number: Int?, _ enumeration: APIEnumeration) -> APIValue {
    guard let number else { return .null }
    return .enumerated(
      number: number,
      name: enumeration.name(of: number),
      isNumberInJSON: false
    )
  }

  private static func time(_ minute: Int) -> String {
    let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
  }
}
