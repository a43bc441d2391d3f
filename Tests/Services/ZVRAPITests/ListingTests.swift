// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct ListingTests {
  @Test func `a listing that is asked for again shows what changed meanwhile`() async {
    let client = await APIClient.loggedOn()
    await client.site.setVPGCount(3)
    let first = await client.get("/v1/vpgs")
    #expect(await client.get("/v1/vpgs") == first)
    var definition = await client.site.definition
    definition.name = "renamed"
    await client.site.setDefinition(definition)
    let names = await client.get("/v1/vpgs").items?.map { $0.object?["VpgName"]?.readText }
    #expect(names == ["renamed", "renamed-1", "renamed-2"])
  }

  @Test func `an alert that was dismissed is listed so at once`() async {
    let client = await APIClient.loggedOn()
    func isDismissed() async -> APIValue? {
      await client.get("/v1/alerts").items?.first?.object?["IsDismissed"]
    }
    #expect(await isDismissed() == .bool(false))
    #expect(await client.send(.post, "/v1/alerts/\(FakeSite.alert)/dismiss").status == 200)
    #expect(await isDismissed() == .bool(true))
  }

  @Test func `the links of a listing begin with the address that its client used`() async {
    let texts = KeptTexts<Int, String>()
    func text(_ baseURL: String) -> String {
      let links = Links(baseURL: baseURL, localSite: FakeSite.london)
      let made = texts.texts(of: ["a"], by: { _ in 1 }, links) { .string("\($1.baseURL) \($0)") }
      return String(decoding: made.json[0], as: UTF8.self)
    }
    #expect(text("https://a") == #""https://a a""#)
    #expect(text("https://b") == #""https://b a""#)
    #expect(text("https://a") == #""https://a a""#)
  }

  @Test func `a listing is the one before as long as each of its items is, and only then`() {
    let texts = KeptTexts<String, String>()
    let links = Links(baseURL: "https://a", localSite: FakeSite.london)
    func list(_ shown: [String]) -> ItemTexts {
      texts.texts(of: shown, by: { String($0.prefix(1)) }, links) { shown, _ in .string(shown) }
    }
    func json(_ list: ItemTexts) -> String {
      String(decoding: Array(list.pieces.joined()), as: UTF8.self)
    }
    let first = list(["a1", "b1", "c1"])
    #expect(list(["a1", "b1", "c1"]) === first)
    for (shown, text) in [
      (["a1", "b2", "c1"], #"["a1","b2","c1"]"#), (["a1", "b2"], #"["a1","b2"]"#),
      (["b2", "a1"], #"["b2","a1"]"#), ([], "[]"), (["a1", "b1", "c1"], #"["a1","b1","c1"]"#),
    ] {
      let listed = list(shown)
      #expect(json(listed) == text)
      #expect(list(shown) === listed)
    }
    #expect(json(first) == #"["a1","b1","c1"]"#)
  }

  @Test func `all that a definition says is looked at, and the rest after it`() async {
    let client = await APIClient.loggedOn()
    await client.site.setVPGCount(3)
    for (query, count) in [
      ("name=\(await client.site.definition.name)-2", 1), ("recoverySiteIdentifier=PARIS", 3),
      ("targetSite=\(FakeSite.paris)&name=none", 0), ("status=Deleting", 0),
    ] {
      #expect(await client.get("/v1/vpgs?\(query)").items?.count == count, "\(query)")
    }
  }
}
