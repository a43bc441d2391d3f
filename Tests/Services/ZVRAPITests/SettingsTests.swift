// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct SettingsTests {
  @Test func `a blank object has every parent that clients assign to`() async {
    let client = await APIClient.loggedOn()
    let tree = await client.get(await client.openSettings()).object
    #expect(tree?["VpgIdentifier"] == .null)
    #expect(tree?.value("Basic", "RpoInSeconds") == .integer(300))
    #expect(tree?.value("Basic", "Priority") == .string("Medium"))
    #expect(tree?.value("Journal", "Limitation", "HardLimitInMB") == .integer(153_600))
    #expect(tree?.value("Networks", "FailoverTest", "Hypervisor").object != nil)
    #expect(tree?.value("Scripting", "PostRecovery", "TimeoutInSeconds") == .integer(300))
    #expect(tree?.object("BootGroups")["BootGroups"]?.items?.count == 1)
    #expect(tree?["Vms"]?.items?.isEmpty == true)
  }

  @Test func `settings sent at once make a VPG with all its VM's disks and cards`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let answer = await client.send(.post, "\(settings)/commit")
    #expect(answer.body == .string(FakeSite.task.rawValue))
    let vpg = try #require(await client.site.created.first)
    #expect(vpg.name == "Shop" && vpg.policy.priority == .high)
    #expect(vpg.protectedSite == FakeSite.london && vpg.recoverySite == FakeSite.paris)
    #expect(vpg.recovery.host == HostIdentifier("22222222-bbbb.host-paris"))
    let vm = try #require(vpg.vms.first)
    #expect(vm.name == "app1" && vm.volumes.map(\.target) == ["vda", "vdb"])
    #expect(vm.nics.map(\.identifier.rawValue) == ["Network adapter 1"])
    #expect(vm.journal == nil && vm.stream.rawValue.count == 36)
    #expect(await client.send(.get, settings).status == 404)
    #expect(await client.send(.post, "\(settings)/commit").status == 404)
  }

  @Test func `settings made step by step come to the same`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings("")
    let steps: [(APIRequest.Method, String, String)] = [
      (
        .put, "/basic",
        """
        {"name": "Shop", "ProtectedSiteIdentifier": "\(FakeSite.london)",
         "RecoverySiteIdentifier": "\(FakeSite.paris)", "JournalHistoryInHours": "2"}
        """
      ),
      (.post, "/VMs", #"{"VmIdentifier": "\#(FakeSite.app)"}"#),
      (.put, "/networks", #"{"Failover": {"Hypervisor": {"DefaultNetworkIdentifier": "n1"}}}"#),
      (.put, "/recovery", #"{"DefaultDatastoreIdentifier": "d1"}"#),
      (.put, "/journal", #"{"Limitation": {"HardLimitInMB": null, "HardLimitInPercent": 50}}"#),
      (.put, "/bootgroup", #"{"BootGroups": [{"BootGroupIdentifier": "g", "Name": "G"}]}"#),
      (.put, "/scripting", #"{"PreRecovery": {"Command": "/bin/true"}}"#),
      (.put, "/vms/\(FakeSite.app)", #"{"BootGroupIdentifier": "g"}"#),
      (
        .put, "/vms/\(FakeSite.app)/nics/Network adapter 1",
        #"{"FailoverTest": {"Hypervisor": {"IpConfig": {"StaticIp": "10.1.1.1"}}}}"#
      ),
      (
        .put, "/vms/\(FakeSite.app)/volumes/scsi:0:1",
        #"{"Datastore": {"DatastoreIdentifier": "d2"}}"#
      ),
    ]
    for (method, path, body) in steps {
      let answer = await client.send(method, settings + path, body)
      #expect(answer.status == 200 && answer.body == .null, "\(path) \(answer.body)")
    }
    #expect(await client.send(.post, "\(settings)/commit").status == 200)
    let vpg = try #require(await client.site.created.first)
    #expect(vpg.policy.journalHistoryInHours == 2)
    #expect(vpg.networks.failover == NetworkIdentifier("n1"))
    #expect(vpg.recovery.datastore == DatastoreIdentifier("d1"))
    #expect(vpg.journal.hardLimitInMB == nil && vpg.journal.hardLimitInPercent == 50)
    #expect(vpg.scripting.preRecovery.command == "/bin/true")
    #expect(vpg.bootGroups.map(\.name) == ["Default", "G"])
    let vm = try #require(vpg.vms.first)
    #expect(vm.bootGroup == "g" && vm.nics.first?.failoverTest.address == "10.1.1.1")
    #expect(vm.volumes.map(\.datastore) == [nil, DatastoreIdentifier("d2")])
  }

  @Test func `editing keeps the stream, the hardware and the places of a VM`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    #expect(await client.send(.post, "\(settings)/commit").status == 200)
    guard case .update(let vpg) = await client.site.operations.first else {
      Issue.record("the VPG was not updated")
      return
    }
    var expected = FakeSite.makeDefinition()
    expected.generation += 1
    #expect(vpg == expected)
  }

  @Test func `a whole tree read and put back changes nothing but what was changed`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    var tree = try #require(await client.get(settings).object)
    tree.set(.integer(600), at: "Basic", "RpoInSeconds")
    let body = String(decoding: JSONWriter.write(.object(tree)), as: UTF8.self)
    #expect(await client.send(.put, settings, body).status == 200)
    #expect(await client.get(settings) == .object(tree))
  }

  @Test func `a tree with VMs left out keeps them, and only a list of VMs is taken`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let collapsed = #"{"Vms": {"VmIdentifier": "\#(FakeSite.app)"}}"#
    #expect(await client.send(.put, settings, collapsed).status == 400)
    #expect(await client.get("\(settings)/vms").items?.count == 1)
    let other = #"{"Vms": [{"VmIdentifier": "\#(FakeSite.app)"}]}"#
    #expect(await client.send(.put, settings, other).status == 200)
    let vms = await client.get("\(settings)/vms").items
    #expect(
      vms?.map { $0.object?["VmIdentifier"] }
        == [FakeSite.web, FakeSite.app].map { .string($0.rawValue) }
    )
  }

  @Test func `a network card that was deleted is there again with its parents`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let nic = "\(settings)/vms/\(FakeSite.web)/nics/Network%20adapter%201"
    #expect(
      await client.get(nic).object?.value("Failover", "Hypervisor", "IpConfig", "StaticIp")
        == .string("10.0.2.5")
    )
    #expect(await client.send(.delete, nic).status == 200)
    let blank = await client.get(nic).object
    #expect(blank?["NicIdentifier"] == .string("Network adapter 1"))
    #expect(blank?.value("Failover", "Hypervisor", "NetworkIdentifier") == .null)
    #expect(blank?.value("Failover", "Hypervisor").object != nil)
    #expect(blank?.value("FailoverTest", "Hypervisor").object != nil)
  }

  @Test func `deleting a sub-object sets it back`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"Journal": {"DatastoreIdentifier": "d"}}"#)
    #expect(await client.send(.delete, "\(settings)/journal").status == 200)
    #expect(
      await client.get("\(settings)/journal").object?["DatastoreIdentifier"] == .null
    )
  }

  @Test func `a copy has the policy and neither VMs nor the VPG's identifier`() async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(
      .post,
      "/v1/vpgSettings/copyVpgSettings",
      #"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#
    )
    let tree = await client.get("/v1/vpgSettings/\(answer.body.readText ?? "")").object
    #expect(tree?["VpgIdentifier"] == .null && tree?["Vms"]?.items?.isEmpty == true)
    #expect(
      tree?.value("Recovery", "DefaultHostIdentifier") == .string("22222222-bbbb.host-paris")
    )
  }

  @Test(arguments: [
    (#"{"Basic": {"Name": ""}}"#, "Name"),
    (#"{"Basic": {"RecoverySiteIdentifier": null}}"#, "RecoverySiteIdentifier"),
    (#"{"Basic": {"JournalHistoryInHours": 100000}}"#, "JournalHistoryInHours"),
    (#"{"Journal": {"Limitation": {"HardLimitInPercent": 10}}}"#, "choose one"),
    (#"{"Scratch": {"Limitation": {"WarningThresholdInMB": 400000}}}"#, "warning"),
    (
      #"{"BootGroups": {"BootGroups": []}, "Vms": [{"VmIdentifier": "\#(FakeSite.app)","#
        + #""BootGroupIdentifier": "nowhere"}]}"#, "boot group"
    ),
  ])
  func `a commit that lacks something says what, and the settings stay`(
    change: String,
    word: String
  ) async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    #expect(await client.send(.put, settings, change).status == 200)
    let answer = await client.send(.post, "\(settings)/commit")
    #expect(answer.status == 400)
    let message = answer.body.object?["Message"]?.readText ?? ""
    #expect(message.contains(word), "\(message)")
    #expect(await client.send(.get, settings).status == 200)
    #expect(await client.site.created.isEmpty)
  }

  @Test func `a commit says everything that is wrong at once, member by member`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let change = """
      {"Basic": {"Name": "App1", "RpoInSeconds": 0, "RecoverySiteIdentifier": null},
       "BootGroups": {"BootGroups": [{"BootGroupIdentifier": "g", "BootDelayInSeconds": -1}]},
       "Journal": {"Limitation": {"HardLimitInPercent": 10}},
       "Scripting": {"PreRecovery": {"Command": "go.sh", "TimeoutInSeconds": 0}},
       "Vms": [{"VmIdentifier": "\(FakeSite.app)", "BootGroupIdentifier": "nowhere",
         "Journal": {"Limitation": {"HardLimitInMB": -1}}}]}
      """
    #expect(await client.send(.put, settings, change).status == 200)
    let answer = await client.send(.post, "\(settings)/commit")
    #expect(answer.status == 400)
    let message = answer.body.object?["Message"]?.readText ?? ""
    for member in [
      "Basic.Name", "Basic.RpoInSeconds", "Basic.RecoverySiteIdentifier", "BootDelayInSeconds",
      "Journal.Limitation.HardLimitInMB", "Scripting.PreRecovery.TimeoutInSeconds",
      "Vms[app1].BootGroupIdentifier", "Vms[app1].Journal.Limitation.HardLimitInMB",
    ] {
      #expect(message.contains("\(member):") || message.contains(".\(member)"), "\(message)")
    }
    #expect(await client.send(.get, settings).status == 200)
  }

  @Test func `two commits of the same settings at the same time make one VPG`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let statuses = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask { await client.send(.post, "\(settings)/commit").status }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.filter { $0 == 200 }.count == 1)
    #expect(statuses.allSatisfy { [200, 404, 409].contains($0) })
    #expect(await client.site.created.count == 1)
  }

  @Test(arguments: [
    #"{"Basic": {"Priority": "Huge"}}"#, #"{"Basic": 3}"#, #"{"Basic": {"Name": {}}}"#,
    #"{"Recovery": {"VCD": {"OrgVdcIdentifier": "x"}}}"#, #"{"Vms": [{"VmIdentifier": "x"}]}"#,
    #"{"Vms": [{}]}"#, #"{"LongTermRetention": {"RetentionRunTime": "soon"}}"#,
    #"{"Basic": {"UseWanCompression": "maybe"}}"#, #"{"Basic": {"Name": "a""#,
  ])
  func `a change that cannot be right changes nothing`(change: String) async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let before = await client.get(settings)
    #expect(await client.send(.put, settings, change).status == 400)
    #expect(await client.get(settings) == before)
  }

  @Test func `the site's refusal of a commit keeps the settings`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    await client.site.refuse(.invalid("the VM is protected already"))
    #expect(await client.send(.post, "\(settings)/commit").status == 400)
    await client.site.refuse(nil)
    #expect(await client.send(.post, "\(settings)/commit").status == 200)
  }

  @Test func `a VPG that somebody else changed meanwhile is not overwritten`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    await client.site.setGeneration(7)
    #expect(await client.send(.post, "\(settings)/commit").status == 409)
    #expect(await client.site.operations.isEmpty)
  }

  @Test func `settings of an unknown VPG are a 404`() async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.post, "/v1/vpgSettings", #"{"VpgIdentifier": "x"}"#)
    #expect(answer.status == 404)
  }

  @Test func `settings are found by every session of their user, and end with their own`()
    async
  {
    var client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let first = client.token
    await client.logOn()
    #expect(await client.send(.get, settings).status == 200)
    #expect(await client.get("/v1/vpgSettings").items?.count == 1)
    // The end of a session that only used them.
    _ = await client.send(.delete, "/v1/session")
    client.token = first
    #expect(await client.send(.get, settings).status == 200)
    _ = await client.send(.delete, "/v1/session")
    await client.logOn()
    #expect(await client.send(.get, settings).status == 404)
    #expect(await client.get("/v1/vpgSettings").items?.isEmpty == true)
  }

  @Test func `a script that logs on anew for each call can make a VPG`() async {
    var client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    await client.logOn()
    let named = await client.send(.put, "\(settings)/basic", #"{"Name": "Books"}"#)
    #expect(named.status == 200)
    await client.logOn()
    #expect(await client.send(.post, "\(settings)/commit").status == 200)
    #expect(await client.site.created.first?.name == "Books")
  }

  @Test(arguments: ["manager:admin", "client:admin", "os:eve"])
  func `settings of one user are not there for another, whatever they are called`(
    other: String
  ) async {
    var client = await APIClient.loggedOn()
    let settings = await client.openSettings()
    await client.logOn(other)
    #expect(await client.send(.get, settings).status == 404)
    #expect(await client.send(.put, settings, "{}").status == 404)
    #expect(await client.send(.post, "\(settings)/commit").status == 404)
    #expect(await client.send(.delete, settings).status == 404)
    #expect(await client.get("/v1/vpgSettings").items?.isEmpty == true)
  }

  @Test func `settings are thrown away after thirty minutes without use`() async {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings()
    client.clock.advance(by: .seconds(20 * 60))
    #expect(await client.send(.get, settings).status == 200)
    client.clock.advance(by: .seconds(20 * 60))
    #expect(await client.send(.get, "/v1/vpgs").status == 200)
    client.clock.advance(by: .seconds(11 * 60))
    #expect(await client.send(.get, settings).status == 404)
  }

  @Test func `a hundred settings objects may be open`() async {
    let client = await APIClient.loggedOn()
    for _ in 0..<100 { _ = await client.openSettings() }
    #expect(await client.send(.post, "/v1/vpgSettings").status == 409)
  }
}
