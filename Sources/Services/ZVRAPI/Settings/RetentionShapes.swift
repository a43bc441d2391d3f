// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The parts of the settings that say which copies are kept beside the journal, and for how long:
/// `LongTermRetention`, and `Backup` as clients of releases before 8.0 know it.
enum RetentionShapes {
  private static let duration = ObjectShape(
    "LtrDurationApi",
    [.integer("Count"), .enumerated("DurationType", APIEnumerations.retentionDuration)]
  )

  private static let daily = ObjectShape(
    "LtrDailySchedulerPolicyApi",
    [.flag("Enabled", false), .object("RetentionDuration", duration)]
  )

  private static let weekly = ObjectShape(
    "LtrWeeklySchedulerPolicyApi",
    [
      .flag("Enabled", false),
      .enumerated("DayOfWeek", APIEnumerations.dayOfWeek),
      .enumerated("RetentionType", APIEnumerations.retentionType),
      .object("RetentionDuration", duration),
    ]
  )

  private static let monthly = ObjectShape(
    "LtrMonthlySchedulerPolicyApi",
    [
      .flag("Enabled", false),
      .enumerated("DayOfWeek", APIEnumerations.dayOfWeek),
      .enumerated("WeekOfMonth", APIEnumerations.weekOfMonth),
      .text("DayOfMonth"),
      .enumerated("RetentionType", APIEnumerations.retentionType),
      .object("RetentionDuration", duration),
    ]
  )

  private static let yearly = ObjectShape(
    "LtrYearlySchedulerPolicyApi",
    [
      .flag("Enabled", false),
      .enumerated("DayOfWeek", APIEnumerations.dayOfWeek),
      .enumerated("DayOfYear", APIEnumerations.dayOfYear),
      .text("MonthOfYear"),
      .integer("DayOfMonth"),
      .object("RetentionDuration", duration),
    ]
  )

  static let retry = ObjectShape(
    "LtrRetryApi",
    [.flag("Enabled", false), .integer("Number"), .integer("IntervalInMinutes")]
  )

  /// As `MonthOfYear` names them.
  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]

  /// What the names of `RetentionPeriod` say, in order.
  static let periods: [RetentionPolicy.Span] = [
    .init(1, .weeks), .init(1, .months), .init(3, .months), .init(6, .months), .init(9, .months),
    .init(1, .years),
  ]

  static let retention = ObjectShape(
    "VpgSettingsLtrApi",
    [
      .flag("Enabled", false),
      .text("RepositoryIdentifier"),
      .text("RetentionRunTime"),
      .object(
        "SchedulerPolicy",
        ObjectShape(
          "LtrSchedulerPolicyApi",
          [
            .object("Daily", daily), .object("Weekly", weekly), .object("Monthly", monthly),
            .object("Yearly", yearly),
          ]
        )
      ),
      .object("Retry", retry),
      .object("Indexing", ObjectShape("VpgSettingsLtrVmIndexingApi", [.texts("Vms")])),
      .text("Compression"),
    ]
  )

  static let backup = ObjectShape(
    "VpgSettingsBackupApi",
    [
      .text("RepositoryIdentifier"),
      .enumerated("RetentionPeriod", APIEnumerations.backupRetentionPeriod),
      .object(
        "Retry",
        ObjectShape(
          "VpgSettingsBackupRetryApi",
          [.integer("IntervalInMinutes", 10), .integer("Number", 3), .flag("Retry", false)]
        )
      ),
      .object(
        "Scheduler",
        ObjectShape(
          "VpgSettingsBackupSchedulerApi",
          [
            .enumerated("DayOfWeek", APIEnumerations.dayOfWeek),
            .enumerated("SchedulerPeriod", APIEnumerations.backupSchedulerPeriod),
            .text("TimeOfDay"),
          ]
        )
      ),
    ]
  )
}
