// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// The policy of copies for years, as settings have it: `LongTermRetention`, or `Backup` of clients
// from before 8.0.

extension SettingsDraft {
  /// What the settings say of copies for years; nil if they say nothing.
  func retention() throws(APIError) -> RetentionPolicy? {
    let current = try Self.longTerm(tree.object("LongTermRetention"))
    let legacy = try Self.backup(tree.object("Backup"))
    guard let current, let legacy else { return current ?? legacy }
    guard !current.isEnabled || !legacy.isEnabled else {
      throw .invalid("LongTermRetention and Backup are both on; use one of them")
    }
    return legacy.isEnabled ? legacy : current
  }

  private static func longTerm(_ object: APIObject) throws(APIError) -> RetentionPolicy? {
    let place = "LongTermRetention"
    guard !object.members.isEmpty, object != RetentionShapes.retention.blank else { return nil }
    guard object.value("Indexing").isUnset else {
      throw .invalid("\(place).Indexing: files in retention sets are not indexed")
    }
    guard object.value("Compression").isUnset else {
      throw .invalid("\(place).Compression: every copy is compressed; leave it out")
    }
    var policy = RetentionPolicy(
      isEnabled: try object.flag("Enabled") ?? false,
      repository: try object.repository
    )
    policy.minuteOfDay = try minute(object, "RetentionRunTime", place)
    let rules = object.object("SchedulerPolicy")
    policy.daily = try rule(rules, "Daily", place)
    policy.weekly = try rule(rules, "Weekly", place)
    policy.monthly = try rule(rules, "Monthly", place)
    policy.yearly = try rule(rules, "Yearly", place)
    let retry = object.object("Retry")
    if retry != RetentionShapes.retry.blank, !retry.members.isEmpty {
      policy.retry = try self.retry(retry, flag: "Enabled")
    }
    return policy
  }

  private static func retry(
    _ object: APIObject,
    flag: String
  ) throws(APIError) -> RetentionPolicy.Retry {
    RetentionPolicy.Retry(
      isEnabled: try object.flag(flag) ?? false,
      count: try object.integer("Number"),
      intervalInMinutes: try object.integer("IntervalInMinutes")
    )
  }

  private static func rule(
    _ rules: APIObject,
    _ name: String,
    _ place: String
  ) throws(APIError) -> RetentionPolicy.Rule {
    let object = rules.object(name)
    let place = "\(place).SchedulerPolicy.\(name)"
    let length = object.object("RetentionDuration")
    let count = try length.integer("Count")
    let unit = try length.number("DurationType", of: APIEnumerations.retentionDuration)
      .flatMap(RetentionPolicy.Span.Unit.init)
    guard (count == nil) == (unit == nil) else {
      throw .invalid("\(place).RetentionDuration: Count and DurationType belong together")
    }
    var rule = RetentionPolicy.Rule(isEnabled: try object.flag("Enabled") ?? false)
    if let count, let unit { rule.span = RetentionPolicy.Span(count, unit) }
    rule.weekday = try object.number("DayOfWeek", of: APIEnumerations.dayOfWeek)
    rule.week = try object.number("WeekOfMonth", of: APIEnumerations.weekOfMonth).map { $0 + 1 }
    if let end = try object.number("DayOfYear", of: APIEnumerations.dayOfYear) {
      rule.week = end == 0 ? 1 : RetentionPolicy.Rule.lastWeek
    }
    rule.kind = try object.number("RetentionType", of: APIEnumerations.retentionType)
      .map(APIEnumerations.retentionType.name)
    if let text = try object.text("DayOfMonth"), !text.isEmpty {
      rule.day = text.isSame(as: "Last") ? RetentionPolicy.Rule.lastDay : Int(text)
      if rule.day == nil { throw .invalid("\(place).DayOfMonth: it is neither a number nor Last") }
    }
    if let text = try object.text("MonthOfYear"), !text.isEmpty {
      rule.month = RetentionShapes.months.firstIndex { $0.isSame(as: text) }.map { $0 + 1 }
      rule.month = rule.month ?? Int(text)
      if rule.month == nil { throw .invalid("\(place).MonthOfYear: it is no month") }
    }
    return rule
  }

  private static func backup(_ object: APIObject) throws(APIError) -> RetentionPolicy? {
    guard !object.members.isEmpty, object != RetentionShapes.backup.blank else { return nil }
    let repository = try object.repository
    var policy = RetentionPolicy(
      isEnabled: repository != nil,
      repository: repository,
      isLegacy: true
    )
    let scheduler = object.object("Scheduler")
    policy.minuteOfDay = try minute(scheduler, "TimeOfDay", "Backup.Scheduler")
    let period = try object.number("RetentionPeriod", of: APIEnumerations.backupRetentionPeriod)
    let span = period.map { RetentionShapes.periods[$0] }
    let cycle = try scheduler.number("SchedulerPeriod", of: APIEnumerations.backupSchedulerPeriod)
    let weekday = try scheduler.number("DayOfWeek", of: APIEnumerations.dayOfWeek)
    policy.daily = RetentionPolicy.Rule(isEnabled: cycle == 0, span: span)
    policy.weekly = RetentionPolicy.Rule(isEnabled: cycle == 1, span: span)
    policy.weekly.weekday = weekday
    policy.retry = try retry(object.object("Retry"), flag: "Retry")
    return policy
  }

  /// `2:00`, `02:00`, `02:00:00` and `2:00 PM`, in minutes after midnight.
  private static func minute(
    _ object: APIObject,
    _ member: String,
    _ place: String
  ) throws(APIError) -> Int? {
    guard let text = try object.text(member), !text.isEmpty else { return nil }
    let words = text.split(separator: " ")
    let parts = words.first?.split(separator: ":", omittingEmptySubsequences: false) ?? []
    let numbers = parts.compactMap { UInt8($0) }.map(Int.init)
    var hour = numbers.first ?? 24
    if words.count == 2, (1...12).contains(hour) {
      switch words[1].lowercased() {
      case "am": hour %= 12
      case "pm": hour = hour % 12 + 12
      default: hour = 24
      }
    } else if words.count != 1 {
      hour = 24
    }
    guard hour < 24, (2...3).contains(parts.count), numbers.count == parts.count,
      numbers.dropFirst().allSatisfy({ $0 < 60 })
    else { throw .invalid("\(place).\(member): \(text) is no time of day, such as 02:30") }
    return hour * 60 + numbers[1]
  }
}

extension APIObject {
  fileprivate var repository: RepositoryIdentifier? {
    get throws(APIError) {
      guard let text = try text("RepositoryIdentifier"), !text.isEmpty else { return nil }
      return RepositoryIdentifier(text.lowercased())
    }
  }
}
