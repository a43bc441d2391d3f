// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct TweakCallTests {
  private let list = "/management/api/tweaks/v1.0/zvmTweaks"
  private let change = "/management/api/tweaks/v1/zvmTweaks"

  @Test func `a tweak is set, shown and set back, as the public SDK does it`() async {
    let client = await APIClient.loggedOn()
    let body = #"""
      {"name": "RpoAlertCalmInSeconds", "type": "zvm-tweak", "value": "90", "comment": "night"}
      """#
    let answer = await client.send(.post, change, body)
    #expect(answer.status == 200)
    #expect(answer.body.object?["value"] == .string("90"))
    #expect(await client.site.settings.value(of: .rpoAlertCalm) == 90)
    let one = await client.get("\(list)/rpoalertcalminseconds").object
    #expect(one?["value"] == .string("90"))
    #expect(one?["comment"] == .string("night"))
    let removal = await client.respond(.delete, "\(change)/RpoAlertCalmInSeconds")
    #expect(removal.status == 200 && removal.content == .empty)
    #expect(await client.get("\(list)/RpoAlertCalmInSeconds").object?["value"] == .string("60"))
    #expect(await client.get(list).items?.count == Tweak.allCases.count)
  }

  @Test(arguments: [
    (#"{"type": "zvm-tweak", "value": "1"}"#, 400, "name"),
    (#"{"name": "t", "type": "zvm-tweak", "value": "1"}"#, 404, "no tweak t"),
    (#"{"name": "RpoAlertCalmInSeconds", "type": "zvm-tweak"}"#, 400, "value"),
    (#"{"name": "RpoAlertCalmInSeconds", "type": "zvm-tweak", "value": "x"}"#, 400, "value"),
    (#"{"name": "RpoAlertCalmInSeconds", "type": "zvm-tweak", "value": "-1"}"#, 400, "much"),
    (#"{"name": "RpoAlertCalmInSeconds", "type": "vra-tweak", "value": "1"}"#, 400, "vra-tweak"),
  ])
  func `a tweak that cannot be is refused, and nothing is set`(
    body: String,
    status: Int,
    word: String
  ) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.post, change, body)
    #expect(answer.status == status)
    #expect(answer.body.object?["Message"]?.readText?.contains(word) == true)
    #expect(await client.site.settings == Tweaks())
  }

  @Test func `a viewer sees tweaks and sets none`() async {
    let client = await APIClient.loggedOn(as: .viewer)
    #expect(await client.send(.get, list).status == 200)
    #expect(await client.send(.delete, "\(change)/RpoAlertCalmInSeconds").status == 403)
  }

  @Test func `the settings of the site name the tweaks that are set`() async {
    let client = await APIClient.loggedOn()
    let body = #"{"name": "SilenceAlertInSeconds", "value": 5}"#
    #expect(await client.send(.post, change, body).status == 200)
    let settings = await client.get("/management/api/settings/v1/settings").object
    #expect(settings?["SiteName"] == .string("london"))
    #expect(settings?["Tweaks"]?.items == [.string("SilenceAlertInSeconds")])
  }

  @Test(arguments: ["billing/sendUsage", "settings/sendusage"])
  func `usage is reported by both names`(name: String) async {
    let client = await APIClient.loggedOn()
    let answer = await client.respond(.post, "/v1/localsite/\(name)")
    #expect(answer.status == 200 && answer.content == .empty)
    #expect(await client.site.usageReports == ["admin"])
  }

  @Test func `the operators' page shows every tweak as it is`() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../docs/operating/tweaks.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    for tweak in Tweak.allCases {
      let range = tweak.range
      let row =
        "| `\(tweak.rawValue)` | \(tweak.usual) | \(range.lowerBound) to \(range.upperBound) "
        + "| \(tweak.meaning) |"
      #expect(text.contains(row), "\(row)")
    }
  }
}
