// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

/// `/v1/vras/{id}/changerecoveryvra`: a VM that can go to the busier one of two hosts.
struct RecoveryVraChangeTests {
  private static let root = "/v1/vras/9007199254740993/changeRecoveryVra"

  private static func body(_ vm: String, _ host: String) -> String {
    #"{"VmsAllocations": [{"VmIdentifier": "\#(vm)", "HostIdentifier": "\#(host)"}]}"#
  }

  @Test func `hosts that cannot take a VM are neither potential nor recommended`() async throws {
    let client = await APIClient.loggedOn()
    let root = Self.root
    let all = await client.get("\(root)/potentials").items
    #expect(all?.compactMap { $0.object?["HostName"]?.readText } == ["host-b", "host-c"])
    let able = await client.get("\(root)/potentials?vmIdentifier=\(FakeSite.web)").items
    #expect(able?.compactMap { $0.object?["HostName"]?.readText } == ["host-c"])
    let answer = await client.send(.post, "\(root)/recommendation", "{}").body.object
    let first = answer?["Recommendations"]?.items?.first?.object
    #expect(first?["HostIdentifier"]?.readText == "c")
    let unknown = #"{"VmsToCalculate": ["x"]}"#
    #expect(await client.send(.post, "\(root)/recommendation", unknown).status == 404)
  }

  @Test(arguments: [
    (FakeSite.web.rawValue, "b", "too far away"), (FakeSite.web.rawValue, "y", "no other"),
    ("x", "c", "recovers no VM x"),
  ])
  func `a validation says why not`(vm: String, host: String, words: String) async throws {
    let client = await APIClient.loggedOn()
    let validation = await client.send(.post, "\(Self.root)/validate", Self.body(vm, host))
    let result = validation.body.object?["VmsValidationsResults"]?.items?.first?.object
    #expect(result?["Status"] == .integer(1))
    #expect(result?["Reason"]?.readText?.contains(words) == true)
  }

  @Test func `named VMs go where they are to, and all of them if nothing is named`() async throws {
    let client = await APIClient.loggedOn()
    let root = Self.root
    let named = await client.send(
      .post,
      "\(root)/execute",
      Self.body(FakeSite.web.rawValue, "c")
    )
    #expect(named.status == 200)
    #expect(named.body.readText?.isEmpty == false)
    #expect(await client.send(.post, "\(root)/execute", "").status == 200)
    let none = #"{"VmsAllocations": []}"#
    #expect(await client.send(.post, "\(root)/execute", none).status == 400)
    #expect(await client.site.relocations == [[FakeSite.web: HostIdentifier("c")], nil])
  }
}
