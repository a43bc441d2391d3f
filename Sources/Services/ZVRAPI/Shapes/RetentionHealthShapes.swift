// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// How the scheduled copies of a VPG are. Of most numbers only the range is published; what ours say
// is in docs/operating/long-term-retention.md.

extension APIValue {
  static func retentionHealth(
    _ view: VPGView,
    _ policy: RetentionPolicy,
    _ health: RetentionHealth?,
    _ repository: RetentionRepository?
  ) -> APIValue {
    let standing = health?.standing
    let isCopying = health?.isCopying ?? false
    let isAtRest = health?.isAtRest ?? false
    let status = isCopying ? 1 : standing?.hasFailed == true ? 2 : 0
    let vpg = view.definition
    return .object(
      "VpgLtrHealthApi",
      [
        "LtrVpgStatus": APIEnumerations.retentionStatus.value(status),
        "RetentionPolicyLatestChanged": .date(standing?.changed),
        "SuccessRate": .object(
          "SuccessRateApi",
          [
            "ExpectedRetentionSets": .integer(standing?.expected ?? 0),
            "ActualSuccessfulRetentionSets": .integer(standing?.succeeded ?? 0),
          ]
        ),
        "DateOfLastRun": .date(standing?.lastBegun),
        "TimeOfLastSuccessfulRun": .date(standing?.lastSuccess),
        "SuccessRatePotentialImpact": .object(
          "SuccessRatePotentialImpact",
          ["IsSuccessRateInfluencedByManualDeletion": .bool(false)]
        ),
        "VpgName": .string(vpg.name),
        "VpgId": .identifier(vpg.identifier),
        "VmsInVpg": .integer(vpg.vms.count),
        "Policy": .string(policy.words),
        "SchedulingAndRetentionSettings": settings(policy),
        "RecoverySiteName": .string(view.recoverySiteName),
        "RepositoryName": .text(repository?.name),
        "RepositoryId": .identifier(policy.repository),
        "ZorgName": .string(view.organisationName),
        "AlertStatus": APIEnumerations.alertStatus.value(view.alertLevel?.rawValue ?? 0),
        "AlertTips": .null,
        "IsAbortBackupEnabled": .bool(isCopying),
        "IsBackupEnabled": .bool(isAtRest && !isCopying),
        "IsUpdateEnabled": .bool(isAtRest && !isCopying),
        "IsFailoverEnabled": .bool(isAtRest),
        "IsFailoverTestEnabled": .bool(isAtRest),
        "IsMoveEnabled": .bool(isAtRest),
        "CompressionSettings": .object(
          "LtrBackupCompressionSettingsApi",
          ["CompressionLevel": APIEnumerations.retentionCompression.value(1)]
        ),
        "ManageRetentionSetsAvailability": .object(
          "ButtonAvailabilityApi",
          ["IsEnabled": .bool(true), "DisableReasonText": .string("")]
        ),
      ]
    )
  }

  private static func settings(_ policy: RetentionPolicy) -> APIValue {
    let name = "SchedulingAndRetentionPeriodSettingsVisualObject"
    func period(_ rule: RetentionPolicy.Rule, _ number: Int) -> APIValue {
      .object(
        name,
        [
          "Active": .bool(rule.isEnabled),
          "PeriodType": APIEnumerations.retentionPeriod.value(number),
          "BackupStartTimeOfDayInMinutes": .integer(policy.minuteOfDay ?? 0),
          "BackupMethod": APIEnumerations.retentionMethod.value(0),
          "ExpireAfterValue": .double(Double(rule.span?.count ?? 0)),
          "ExpireAfterUnit": APIEnumerations.retentionUnit.value(rule.span?.unit.rawValue ?? 0),
        ]
      )
    }
    let (weekly, monthly, yearly) = (policy.weekly, policy.monthly, policy.yearly)
    return .object(
      "SchedulingAndRetentionSettingsVisualObject",
      [
        "DailySettings": .object(
          "DailySchedulingAndRetentionPeriodSettingsVisualObject",
          ["DailyPeriod": period(policy.daily, 0)]
        ),
        "WeeklySettings": .object(
          "WeeklySchedulingAndRetentionPeriodSettingsVisualObject",
          [
            "DayOfWeek": .integer(weekly.weekday ?? 0), "WeeklyPeriod": period(weekly, 1),
          ]
        ),
        "MonthlySettings": .object(
          "MonthlySchedulingAndRetentionPeriodSettingsVisualObject",
          [
            "MonthlyPeriod": period(monthly, 2),
            "TriggerType": APIEnumerations.retentionTrigger.value(monthly.day == nil ? 0 : 1),
            "WeekOfMonth": .integer(monthly.week ?? 1),
            "DayOfWeek": .integer(monthly.weekday ?? 0),
            "DayOfMonth": .integer(monthly.dayNumber),
          ]
        ),
        "YearlySettings": .object(
          "YearlySchedulingAndRetentionPeriodSettingsVisualObject",
          [
            "YearlyPeriod": period(yearly, 3),
            "TriggerType": APIEnumerations.retentionTrigger.value(yearly.month == nil ? 0 : 1),
            "WeekOfYear": .integer(yearly.week == RetentionPolicy.Rule.lastWeek ? 2 : 1),
            "DayOfWeek": .integer(yearly.weekday ?? 0),
            "Month": .integer(yearly.month ?? 1),
            "Day": .integer(min(yearly.day ?? 1, 31)),
          ]
        ),
      ]
    )
  }
}

extension RetentionPolicy {
  /// Such as “Daily, Monthly”.
  fileprivate var words: String {
    [("Daily", daily), ("Weekly", weekly), ("Monthly", monthly), ("Yearly", yearly)]
      .filter(\.1.isEnabled).map(\.0).joined(separator: ", ")
  }
}

extension RetentionPolicy.Rule {
  /// 1...28, and 29 for the last: no other numbers are published.
  fileprivate var dayNumber: Int { min(day ?? 1, 29) }
}
