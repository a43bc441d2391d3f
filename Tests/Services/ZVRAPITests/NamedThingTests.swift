// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

/// What settings name that a manager keeps itself.
@Suite struct NamedThingTests {
  private static let nobody = "6b1f2c0e-0000-4000-8000-00000000dead"

  /// A client with blank settings of a VPG that is recovered at the site that is asked.
  private func settings(
    recoverySite: SiteIdentifier = FakeSite.london
  ) async -> (client: APIClient, path: String) {
    let client = await APIClient.loggedOn()
    let body = """
      {"Basic": {"Name": "Shop", "ProtectedSiteIdentifier": "\(FakeSite.paris)",
       "RecoverySiteIdentifier": "\(recoverySite)"}}
      """
    return (client, await client.openSettings(body))
  }

  private func message(_ answer: (status: Int, body: APIValue)) -> String {
    answer.body.object?["Message"]?.readText ?? ""
  }

  @Test(arguments: [
    (
      "basic", #"{"ZorgIdentifier": "rubbish"}"#,
      "Basic.ZorgIdentifier: there is no organisation rubbish"
    ),
    (
      "basic", #"{"ServiceProfileIdentifier": "\#(nobody)"}"#,
      "Basic.ServiceProfileIdentifier: there is no service profile \(nobody)"
    ),
  ])
  func `what the manager does not have is refused by its member`(
    part: String,
    body: String,
    words: String
  ) async {
    let (client, path) = await settings()
    #expect(await client.send(.put, "\(path)/\(part)", body).status == 200)
    let answer = await client.send(.post, "\(path)/commit")
    #expect(answer.status == 400 && message(answer) == words, "\(message(answer))")
    #expect(await client.site.created.isEmpty)
  }

  @Test(arguments: ["PreRecovery", "PostRecovery", "PostBackup"])
  func `a path out of the scripts is refused whichever site has them`(member: String) async {
    let (client, path) = await settings(recoverySite: FakeSite.paris)
    let body = #"{"\#(member)": {"Command": "../../bin/sh"}}"#
    #expect(await client.send(.put, "\(path)/scripting", body).status == 200)
    let answer = await client.send(.post, "\(path)/commit")
    #expect(answer.status == 400)
    #expect(message(answer).hasPrefix("Scripting.\(member).Command: ../../bin/sh is no path"))
  }

  @Test func `what is there is taken, as the manager writes it`() async throws {
    let (client, path) = await settings()
    let basic = """
      {"ZorgIdentifier": "\(FakeSite.zorg.identifier.uppercased())",
       "ServiceProfileIdentifier": "\(FakeSite.profile.identifier)"}
      """
    #expect(await client.send(.put, "\(path)/basic", basic).status == 200)
    let scripting = #"{"PreRecovery": {"Command": "/dns/a.sh"}}"#
    #expect(await client.send(.put, "\(path)/scripting", scripting).status == 200)
    let answer = await client.send(.post, "\(path)/commit")
    #expect(answer.status == 200, "\(message(answer))")
    let vpg = try #require(await client.site.created.first)
    #expect(vpg.policy.zorg == FakeSite.zorg.identifier)
    #expect(vpg.policy.serviceProfile == FakeSite.profile.identifier)
    #expect(vpg.scripting.preRecovery.command == "/dns/a.sh")
  }

  @Test func `the all-zero identifier is none`() async throws {
    let (client, path) = await settings()
    let basic = """
      {"ZorgIdentifier": "\(Links.noOne)", "ServiceProfileIdentifier": "\(Links.noOne)"}
      """
    #expect(await client.send(.put, "\(path)/basic", basic).status == 200)
    #expect(await client.send(.post, "\(path)/commit").status == 200)
    let policy = try #require(await client.site.created.first).policy
    #expect(policy.zorg == nil && policy.serviceProfile == nil)
  }

  @Test func `what a VPG names since before stands in no change's way`() async throws {
    let client = await APIClient.loggedOn()
    var definition = FakeSite.makeDefinition()
    definition.recoverySite = FakeSite.london
    definition.name = "App\n1"
    definition.policy.zorg = "rubbish"
    definition.policy.serviceProfile = Self.nobody
    definition.scripting.preRecovery.command = "../../bin/sh"
    definition.scripting.postRecovery.command = "gone.sh"
    await client.site.setDefinition(definition)
    let path = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    #expect(await client.send(.put, "\(path)/basic", #"{"RpoInSeconds": 60}"#).status == 200)
    let answer = await client.send(.post, "\(path)/commit")
    #expect(answer.status == 200, "\(message(answer))")
    guard case .update(let changed) = await client.site.operations.first else {
      Issue.record("the VPG was not changed")
      return
    }
    #expect(changed.policy.zorg == "rubbish" && changed.policy.rpoTargetInSeconds == 60)
    #expect(changed.name == "App\n1")
  }

  @Test(arguments: [#"a\nb"#, #"a\u0007"#, #"a\u2028b"#, #"a\u0085b"#])
  func `names of VPGs and checkpoints have no control characters`(name: String) async {
    let (client, path) = await settings()
    #expect(await client.send(.put, "\(path)/basic", #"{"Name": "\#(name)"}"#).status == 200)
    let commit = await client.send(.post, "\(path)/commit")
    #expect(
      commit.status == 400
        && message(commit) == "Basic.Name: it has line breaks or other control characters"
    )
    for kind in ["checkpoints", "checkpoints/vss"] {
      let answer = await client.send(
        .post,
        "/v1/vpgs/\(FakeSite.vpg)/\(kind)",
        #"{"CheckpointName": "\#(name)"}"#
      )
      #expect(answer.status == 400 && message(answer).contains("control characters"))
    }
    #expect(await client.site.operations.isEmpty)
  }

  @Test func `a checkpoint's name has at most 1024 bytes`() async {
    let client = await APIClient.loggedOn()
    func insert(_ name: String) async -> Int {
      let body = #"{"CheckpointName": "\#(name)"}"#
      return await client.send(.post, "/v1/vpgs/\(FakeSite.vpg)/checkpoints", body).status
    }
    #expect(await insert(String(repeating: "é", count: 512)) == 200)
    #expect(await insert(String(repeating: "é", count: 512) + "x") == 400)
  }
}
