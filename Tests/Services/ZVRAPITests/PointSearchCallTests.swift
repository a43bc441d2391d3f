// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct PointSearchCallTests {
  private let path = "/v1/vpgs/\(FakeSite.vpg)/pointsearch"

  @Test func `a search is begun, shown and aborted`() async throws {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.get, path).status == 404)
    let begun = await client.send(
      .post,
      path,
      #"{"Url": "http://192.0.2.10/health", "TimeoutInSeconds": "60", "#
        + #""OldestCheckpointIdentifier": "17"}"#
    )
    #expect(begun.status == 200 && begun.body.readText != nil)
    let wish = try #require(await client.site.wishes.last)
    #expect(wish.check.url == "http://192.0.2.10/health")
    #expect(wish.check.timeoutInSeconds == 60 && !wish.check.needsGuestAgent)
    #expect(wish.oldest == CheckpointIdentifier(17) && wish.newest == nil)
    let search = try #require(await client.get(path).object)
    #expect(search["Url"] == .string("http://192.0.2.10/health"))
    #expect(search["LastGood"]?.object != nil)
    #expect(search["FirstBad"] == .null)
    let probe = try #require(search["Probes"]?.items?.first?.object)
    #expect(probe["HasPassed"] == .bool(true))
    #expect(await client.xml(path).contains("<Finding>it answered</Finding>"))
    #expect(await client.send(.delete, path).status == 200)
  }

  @Test func `a script is chosen, with what it is told, by who may recover`() async throws {
    let client = await APIClient.loggedOn()
    let body = #"{"Script": "check.sh", "ScriptParameters": "--strict"}"#
    #expect(await client.send(.post, path, body).status == 200)
    let wish = try #require(await client.site.wishes.last)
    #expect(wish.check.script == .init(command: "check.sh", parameters: "--strict"))
    let search = try #require(await client.get(path).object)
    #expect(search["Script"] == .string("check.sh"))
    #expect(search["ScriptParameters"] == .string("--strict"))
    let tester = await APIClient.loggedOn(as: .tester)
    #expect(await tester.send(.post, path, body).status == 403)
  }

  @Test func `files are named with what has to be so of them`() async throws {
    let client = await APIClient.loggedOn()
    let sum = String(repeating: "aB", count: 32)
    let body =
      #"{"Files": [{"VmIdentifier": "\#(FakeSite.web)", "Path": "/vda1/x"}, "#
      + #"{"VmIdentifier": "\#(FakeSite.web)", "Path": "/vda1/y", "Test": "HasSha256", "#
      + #""Value": "\#(sum)"}]}"#
    #expect(await client.send(.post, path, body).status == 200)
    let wish = try #require(await client.site.wishes.last)
    #expect(
      wish.check.files == [
        .init(vm: FakeSite.web, path: "/vda1/x", rule: .exists),
        .init(vm: FakeSite.web, path: "/vda1/y", rule: .hasSHA256(sum)),
      ]
    )
    let search = try #require(await client.get(path).object)
    let files = search["Files"]?.items?.compactMap(\.object) ?? []
    #expect(files.map { $0["Test"]?.readText } == ["Exists", "HasSha256"])
    for file in [
      #"{"Path": "vda1"}"#, #"{"Path": "/"}"#, #"{"Path": "/vda1/../x"}"#, "3",
      #"{"Path": "/vda1/x", "Test": "Is"}"#, #"{"Path": "/vda1/x", "Test": "Contains"}"#,
      #"{"Path": "/vda1/x", "Test": "HasSha256", "Value": "12"}"#,
    ] {
      #expect(await client.send(.post, path, #"{"Files": [\#(file)]}"#).status == 400, "\(file)")
    }
    let both = #"{"NeedsGuestAgent": true, "Files": [{"Path": "/vda1/x"}]}"#
    #expect(await client.send(.post, path, both).status == 400)
  }

  @Test func `a search without a check, or with a wrong one, is refused`() async {
    let client = await APIClient.loggedOn()
    for body in [
      "{}", #"{"Url": "ftp://x/"}"#, #"{"Url": "no address"}"#, #"{"Url": "http:///x"}"#,
      #"{"NeedsGuestAgent": true, "TimeoutInSeconds": 0}"#,
      #"{"NeedsGuestAgent": true, "ScriptParameters": "x"}"#,
      #"{"NeedsGuestAgent": true, "NewestCheckpointIdentifier": "x"}"#,
    ] {
      #expect(await client.send(.post, path, body).status == 400, "\(body)")
    }
    let viewer = await APIClient.loggedOn(as: .viewer)
    #expect(await viewer.send(.post, path, #"{"NeedsGuestAgent": true}"#).status == 403)
  }
}
