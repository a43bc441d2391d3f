// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZVRAPI

/// What real clients do that nobody would expect, one test each.
///
/// Doubled slashes and other spellings are in `PathTests`, listings used as tables in
/// `ConformanceTests`, the clients of PyPI in the manager's tests.
@Suite struct QuirkTests {
  private let vpg = "/v1/vpgs/\(FakeSite.vpg)"

  @Test func `a client that sends no credentials at first is asked for them`() async {
    let client = APIClient()
    let first = await client.respond(.post, "/v1/session/add")
    #expect(first.status == 401 && first.isChallenge)
    let second = await client.respond(
      .post,
      "/v1/session/add",
      credentials: .init(user: "root", password: "right")
    )
    #expect(second.status == 200 && second.sessionToken != nil)
    #expect(second.rendered == nil)
  }

  @Test func `paringStatus is pairingStatus`() async {
    let client = await APIClient.loggedOn()
    #expect(await client.get("/v1/peersites?paringStatus=0").items?.count == 1)
    #expect(await client.get("/v1/peersites?paringStatus=unpaired").items?.isEmpty == true)
  }

  @Test func `one VM is a list of one, and an object instead of the list is refused`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let vm = #"{"VmIdentifier": "\#(FakeSite.web)"}"#
    #expect(await client.send(.put, settings, #"{"Vms": [\#(vm)]}"#).status == 200)
    let refused = await client.send(.put, settings, #"{"Vms": \#(vm)}"#)
    #expect(refused.status == 400)
    #expect(refused.body.object?["Message"] == .string("Vms is not a list"))
  }

  @Test func `a card that was deleted is there again, with its defaults`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let nic = "\(settings)/vms/\(FakeSite.web)/nics/Network adapter 1"
    #expect(await client.send(.delete, nic).status == 200)
    let after = await client.get(nic).object ?? APIObject()
    #expect(after.value("Failover", "Hypervisor").object != nil)
    #expect(after.value("FailoverTest", "Hypervisor").object != nil)
  }

  @Test(arguments: ["CheckpointName", "checkpointName", "checkpointname"])
  func `the name of a checkpoint comes in three spellings`(name: String) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.post, vpg + "/checkpoints", #"{"\#(name)": "x"}"#)
    #expect(answer.status == 200)
    #expect(await client.site.operations.count == 1)
  }

  @Test func `deleting takes a body, and a form in its place is a 405`() async {
    let client = await APIClient.loggedOn()
    let body = #"{"KeepRecoveryVolumes": true, "Force": "False"}"#
    #expect(await client.send(.delete, vpg, body).status == 200)
    let form = await client.respond(
      .post,
      vpg,
      "KeepRecoveryVolumes=true&Force=true",
      contentType: "application/x-www-form-urlencoded"
    )
    #expect(form.status == 405)
  }

  @Test(arguments: [#""1""#, "1", #""VirtualizationManager""#])
  func `numbers come as text`(method: String) async {
    let answer = await APIClient().respond(
      .post,
      "/v1/session/add",
      #"{"AuthenticationMethod": \#(method)}"#,
      credentials: .init(user: "admin", password: "right")
    )
    #expect(answer.status == 200)
  }

  @Test(arguments: ["application/xml", "application/json", "Content-Type", "text/plain"])
  func `a reading call may have a content type`(type: String) async {
    let client = await APIClient.loggedOn()
    let answer = await client.respond(.get, "/v1/virtualizationsites", contentType: type)
    #expect(answer.status == 200)
  }

  @Test(arguments: ["", "{}", "\"\"", "null", " \r\n"])
  func `a body that is optional may be anything that is empty`(body: String) async {
    let client = await APIClient.loggedOn()
    for action in ["FailoverTest", "FailoverTestStop", "FailoverCommit", "pause"] {
      let answer = await client.send(.post, "\(vpg)/\(action)", body)
      #expect(answer.status == 200, "\(action): \(answer.body)")
    }
  }

  @Test func `nulls stand for what is left out`() async {
    let client = await APIClient.loggedOn()
    let body = """
      {"CheckpointIdentifier": null, "CommitPolicy": null, "ShutdownPolicy": null,
       "TimeToWaitBeforeShutdownInSec": null, "IsReverseProtection": null, "VmIdentifiers": null}
      """
    #expect(await client.send(.post, vpg + "/Failover", body).status == 200)
  }

  @Test(arguments: [
    "/v1/vpgs/settings", "/v1/peersites/types", "/v1/sessions", "/v1/repositories/types",
    "/v1/recoveryscripts/types", "/v1/encryptiondetection/types", "/v1/zsspSessionIdentifier",
  ])
  func `a path that clients build wrongly is a 404`(path: String) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.get, path)
    #expect(answer.status == 404, "\(answer.body)")
  }

  @Test(arguments: [
    "2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123Z", "2024-05-06", "2024-05-06Z",
    "05/06/2024 07:08:09", "2024-05-06 07:08:09", "2024-05-06%2007:08:09",
    "5/6/2024%207:08:09%20AM",
  ])
  func `dates come in many forms`(date: String) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.get, "/v1/events?startDate=\(date)")
    #expect(answer.status == 200, "\(answer.body)")
  }

  @Test func `a date that is none is refused by its name`() async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.get, "/v1/events?endDate=yesterday")
    #expect(answer.status == 400)
    #expect(answer.body.object?["Message"]?.readText?.contains("endDate") == true)
  }
}
