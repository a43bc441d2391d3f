// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct PathTests {
  @Test(arguments: [
    "/v1/vpgsettings", "/V1/VPGs/\(FakeSite.vpg)/Checkpoints", "//v1/vpgs", "/v1/vpgs/", "/v1",
    "/v1/", "/v1//localsite/pairingstatuses", "/v1/Events/entities",
    "/v1/vms/11111111-aaaa%2Evm-web1", "/v1/vpgs/\(FakeSite.vpg.rawValue.uppercased())",
    "/v1/vpgs?orgname=x&vpgstatus=y",
  ])
  func `spellings that clients use are understood`(path: String) async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.get, path).status == 200)
  }

  @Test func `cards and disks are found with blanks and colons raw or encoded`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    for name in ["nics/Network adapter 1", "nics/Network%20adapter%201", "volumes/scsi%3A0%3a0"] {
      let path = "\(settings)/vms/\(FakeSite.web)/\(name)"
      #expect(await client.send(.get, path).status == 200, "\(path)")
    }
  }

  @Test func `a path nobody serves is a 404 in the form of an error`() async {
    let client = await APIClient.loggedOn()
    for path in ["/", "/v2/vpgs", "/v1/nothing", "/v1/vpgs/a/b/c", "/v1/peersites/types"] {
      let answer = await client.send(.get, path)
      #expect(answer.status == 404, "\(path)")
      #expect(answer.body.object?["Message"]?.readText?.isEmpty == false)
    }
  }

  @Test func `a method that a path does not offer is a 405`() async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.post, "/v1/vpgs/\(FakeSite.vpg)", "Force=true").status == 405)
    #expect(await client.send(.delete, "/v1/localsite").status == 405)
  }

  @Test func `a path that is not UTF-8 is a 400`() async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.get, "/v1/vpgs/%ff%zz").status == 400)
  }

  @Test func `the list of resources and the help need no session`() async throws {
    let client = APIClient()
    let roots = try #require(await client.get("/v1/").items)
    #expect(roots.count == Resources.all.count)
    for root in roots {
      let href = try #require(root.object?["href"]?.readText)
      #expect(href.hasPrefix("https://zvm.example:9669/v1/"))
      let path = "/v1/\(try #require(href.split(separator: "/").last))/help"
      let help = await client.respond(.get, path)
      guard case .html(let page) = help.content else {
        Issue.record("\(path) is no page")
        continue
      }
      #expect(page.contains("<code>") && page.contains("/v1/\(path.split(separator: "/")[1])"))
    }
  }

  @Test func `every error has its text under the names clients read`() async {
    let error = await APIClient().get("/v1/vpgs").object
    for name in ["Message", "errorMessage", "errorCode"] {
      #expect(error?.members.contains { $0.name == name } == true, "\(name)")
    }
  }

  @Test func `no two members of an error differ by case alone`() async {
    let names = await APIClient().get("/v1/vpgs").object?.members.map { $0.name.lowercased() } ?? []
    #expect(Set(names).count == names.count)
  }
}
