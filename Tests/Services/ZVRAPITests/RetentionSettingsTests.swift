// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import ZVRAPI

/// The policy of copies for years, as clients write and read it.
@Suite struct RetentionSettingsTests {
  private static let policy = #"""
    {"Enabled": true, "RepositoryIdentifier": "R1", "RetentionRunTime": "2:30 PM",
     "SchedulerPolicy": {
       "Daily": {"Enabled": true, "RetentionDuration": {"Count": 7, "DurationType": "Days"}},
       "Weekly": {"Enabled": true, "DayOfWeek": "Sunday", "RetentionType": "Full",
         "RetentionDuration": {"Count": "4", "DurationType": "weeks"}},
       "Monthly": {"Enabled": true, "DayOfMonth": "Last",
         "RetentionDuration": {"Count": 12, "DurationType": "Months"}},
       "Yearly": {"Enabled": true, "MonthOfYear": "march", "DayOfMonth": 31,
         "RetentionDuration": {"Count": 7, "DurationType": "Years"}}},
     "Retry": {"Enabled": true, "Number": 2, "IntervalInMinutes": 15}}
    """#

  /// What a commit of new settings with this part says, and the VPG it made.
  private func commit(
    _ part: String,
    _ body: String
  ) async -> (message: String, vpg: VPGDefinition?) {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let put = await client.send(.put, "\(settings)/\(part)", body)
    guard put.status == 200 else { return (put.body.object?["Message"]?.readText ?? "", nil) }
    let answer = await client.send(.post, "\(settings)/commit")
    return (answer.body.object?["Message"]?.readText ?? "", await client.site.created.first)
  }

  private func edited(_ vpg: VPGDefinition) throws -> APIObject {
    let stored = try JSONDecoder().decode(VPGDefinition.self, from: JSONEncoder().encode(vpg))
    #expect(stored == vpg)
    let draft = SettingsDraft(identifier: "s", editing: stored)
    #expect(try draft.definition(machines: [:], local: FakeSite.london).retention == vpg.retention)
    return draft.tree
  }

  @Test func `a policy is kept with the VPG, and read as it was written`() async throws {
    let vpg = try #require(await commit("ltr", Self.policy).vpg)
    let policy = try #require(vpg.retention)
    #expect(policy.isEnabled && policy.repository?.rawValue == "r1" && policy.minuteOfDay == 870)
    #expect(policy.daily.span == .init(7, .days) && policy.weekly.span == .init(4, .weeks))
    #expect(policy.weekly.weekday == 0 && policy.monthly.day == RetentionPolicy.Rule.lastDay)
    #expect(policy.yearly.month == 3 && policy.yearly.day == 31)
    #expect(policy.retry == .init(isEnabled: true, count: 2, intervalInMinutes: 15))
    let tree = try edited(vpg)
    let read = tree.object("LongTermRetention")
    #expect(read["RetentionRunTime"] == .string("14:30"))
    let rules = read.object("SchedulerPolicy")
    #expect(rules.value("Weekly", "DayOfWeek").readText == "Sunday")
    #expect(rules.value("Weekly", "RetentionType").readText == "Full")
    #expect(rules.value("Monthly", "DayOfMonth") == .string("Last"))
    #expect(rules.value("Yearly", "MonthOfYear") == .string("March"))
    #expect(rules.value("Yearly", "DayOfMonth") == .integer(31))
    #expect(rules.value("Daily", "RetentionDuration", "DurationType").readText == "Days")
    #expect(tree["Backup"] == .null)
  }

  @Test(arguments: ["Daily", "Weekly"])
  func `a policy of an old client is read by old clients`(cycle: String) async throws {
    let body = #"""
      {"RepositoryIdentifier": "r1", "RetentionPeriod": "ThreeMonths",
       "Scheduler": {"SchedulerPeriod": "\#(cycle)", "DayOfWeek": "Friday", "TimeOfDay": "02:00"},
       "Retry": {"Retry": true, "Number": 5, "IntervalInMinutes": 20}}
      """#
    let vpg = try #require(await commit("backup", body).vpg)
    let policy = try #require(vpg.retention)
    let rule = cycle == "Daily" ? policy.daily : policy.weekly
    #expect(policy.isEnabled && rule.isEnabled && rule.span == .init(3, .months))
    #expect(policy.daily.isEnabled != policy.weekly.isEnabled && policy.weekly.weekday == 5)
    let tree = try edited(vpg)
    let read = tree.object("Backup")
    #expect(read["RetentionPeriod"]?.readText == "ThreeMonths")
    #expect(read.value("Scheduler", "SchedulerPeriod").readText == cycle)
    #expect(read.value("Scheduler", "DayOfWeek").readText == "Friday")
    #expect(read.value("Scheduler", "TimeOfDay") == .string("02:00"))
    #expect(read.value("Retry", "Number") == .integer(5))
    #expect(tree["LongTermRetention"] == .null)
  }

  @Test func `a policy that is off stays as it was written`() async throws {
    let off = Self.policy.replacing(#"{"Enabled": true, "Rep"#, with: #"{"Enabled": false, "Rep"#)
    let vpg = try #require(await commit("ltr", off).vpg)
    #expect(vpg.retention?.isEnabled == false && vpg.retention?.yearly.month == 3)
    #expect(try edited(vpg).object("LongTermRetention").value("Enabled") == .bool(false))
    let none = try #require(await commit("ltr", "{}").vpg)
    #expect(none.retention == nil)
  }

  @Test(arguments: [
    (#""2:30 PM""#, #""soon""#, "RetentionRunTime: soon is no time of day"),
    (#""2:30 PM""#, #""24:00""#, "RetentionRunTime"), (#""2:30 PM""#, #""13:00 PM""#, "13:00 PM"),
    (#""2:30 PM""#, #""12""#, "RetentionRunTime"), (#""Last""#, #""never""#, "DayOfMonth"),
    (#""march""#, #""smarch""#, "MonthOfYear"), (#""Sunday""#, #""Funday""#, "DayOfWeek"),
    (#", "DurationType": "Days""#, "", "Count and DurationType belong together"),
    (#""R1""#, #""""#, "LongTermRetention.RepositoryIdentifier: it is missing"),
    (
      #""DayOfMonth": "Last""#, #""DayOfMonth": "Last", "DayOfWeek": 1, "WeekOfMonth": "First""#,
      "SchedulerPolicy.Monthly: give either"
    ),
    (#""DayOfMonth": "Last""#, #""DayOfMonth": "32x""#, "DayOfMonth"),
    (#""DayOfMonth": "Last""#, #""DayOfMonth": "0""#, "Monthly.DayOfMonth: it is 0"),
    (
      #""Count": 7, "DurationType": "Days""#, #""Count": 0, "DurationType": "Days""#,
      "Daily.RetentionDuration.Count: it is 0"
    ),
    (#""Number": 2"#, #""Number": 0"#, "Retry.Number: it is 0"),
    (#""DayOfWeek": "Sunday","#, "", "Weekly.DayOfWeek: it is missing"),
    (#""Enabled": true, "Rep"#, #""Indexing": {"Vms": ["x"]}, "Rep"#, "Indexing"),
    (#""Enabled": true, "Rep"#, #""Compression": "High", "Rep"#, "Compression"),
  ])
  func `what cannot be right is refused by its name`(
    right: String,
    wrong: String,
    words: String
  ) async {
    let (message, vpg) = await commit("ltr", Self.policy.replacing(right, with: wrong))
    #expect(message.contains(words), "\(message)")
    #expect(vpg == nil)
  }

  @Test func `one of the two policies is on, and one that names no day is refused`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    #expect(await client.send(.put, "\(settings)/ltr", Self.policy).status == 200)
    let backup = #"{"RepositoryIdentifier": "r1"}"#
    let both = await client.send(.put, "\(settings)/backup", backup)
    #expect(both.status == 400)
    #expect(both.body.object?["Message"]?.readText?.contains("both on") == true)
    #expect(await commit("backup", backup).message.contains("Backup.Scheduler.SchedulerPeriod"))
  }
}
