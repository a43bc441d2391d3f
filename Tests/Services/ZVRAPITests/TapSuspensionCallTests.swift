// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import Testing

@testable import ZVRAPI

@Suite struct TapSuspensionCallTests {
  private let path = "/v1/tapsuspensions"

  @Test func `a tap is suspended, listed and resumed`() async {
    let client = await APIClient.loggedOn()
    let body = #"{"VmIdentifier": "\#(FakeSite.web)", "Disk": "vda", "Minutes": "30"}"#
    let answer = await client.send(.post, path, body)
    #expect(answer.status == 200)
    #expect(await client.site.suspended == ["\(FakeSite.web) vda 30"])
    let shown = await client.get(path).items?.first
    #expect(shown?.object?["VmName"] == .string("web1"))
    #expect(shown?.object?["Until"]?.readText == "2024-05-06T07:08:09.123Z")
    #expect(await client.send(.delete, path, body).status == 200)
    #expect(await client.site.suspended.isEmpty)
  }

  @Test(arguments: [#"{"VmIdentifier": "x"}"#, #"{"VmIdentifier": "x", "Minutes": "soon"}"#])
  func `a suspension without a time is refused`(body: String) async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.post, path, body).status == 400)
    #expect(await client.site.suspended.isEmpty)
  }
}
