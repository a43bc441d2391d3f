// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct RecoveryCallTests {
  private let vpg = "/v1/vpgs/\(FakeSite.vpg)"

  private func operation(
    _ action: String,
    _ body: String,
    method: APIRequest.Method = .post
  ) async -> VPGOperation? {
    let client = await APIClient.loggedOn()
    let answer = await client.send(method, vpg + action, body)
    #expect(answer.body == .string(FakeSite.task.rawValue))
    return await client.site.operations.first
  }

  @Test func `a VM is restored in place, and that is committed or rolled back by its VPG's name`()
    async
  {
    let client = await APIClient.loggedOn()
    let vm = "/v1/vms/\(FakeSite.web)"
    let body = """
      {"VpgIdentifier": "\(FakeSite.vpg)", "CheckpointIdentifier": "102", "ShutdownPolicy": 1,
       "CommitPolicy": "Commit", "TimeToWaitBeforeContinueInSeconds": 60}
      """
    for (call, body) in [
      ("Restore", body), ("RestoreCommit", "\"\(FakeSite.vpg)\""),
      ("RestoreRollback", "\"\(FakeSite.vpg)\""),
    ] {
      let answer = await client.send(.post, "\(vm)/\(call)", body)
      #expect(answer.body == .string(FakeSite.task.rawValue), "\(call): \(answer.body)")
    }
    let wish = VPGOperation.Restore(
      vm: FakeSite.web,
      checkpoint: CheckpointIdentifier(102),
      shutdownPolicy: .shutdown,
      commitPolicy: .commit,
      commitDelayInSeconds: 60
    )
    #expect(
      await client.site.operations == [
        .restore(wish), .restoreCommit(FakeSite.web), .restoreRollback(FakeSite.web),
      ]
    )
  }

  @Test(
    arguments: [
      #""RestoredVmName": "another""#, #""TimeToWaitBeforeContinueInSeconds": 86401"#,
      #""ShutdownPolicy": 3"#, #""CommitPolicy": "Never""#, #""CheckpointIdentifier": "x""#,
      #""JournalVMRestoreSettings": {"DatastoreIdentifier": "a.datastore-1"}"#,
      #""JournalVMRestoreSettings": {"Nics": [{"NicIdentifier": "Network adapter 1"}]}"#,
      #""JournalVMRestoreSettings": {"Volumes": [{"VolumeIdentifier": "scsi:0:0"}]}"#,
    ]
  )
  func `a wish that a VM is restored otherwise is refused`(member: String) async {
    let client = await APIClient.loggedOn()
    let body = "{\"VpgIdentifier\": \"\(FakeSite.vpg)\", \(member)}"
    #expect(await client.send(.post, "/v1/vms/\(FakeSite.web)/Restore", body).status == 400)
    #expect(await client.site.operations.isEmpty)
  }

  @Test(arguments: ["", "{}", "null", "\"\"", #"{"CheckpointIdentifier": null}"#])
  func `a test without a body is of the latest checkpoint and all VMs`(body: String) async {
    #expect(await operation("/FailoverTest", body) == .failoverTest(.init()))
  }

  @Test(arguments: [#""102""#, "102"])
  func `a checkpoint comes as text or number`(checkpoint: String) async {
    let body = #"{"checkpointidentifier": \#(checkpoint), "VmIdentifiers": ["a.vm-1"]}"#
    #expect(
      await operation("/failovertest", body)
        == .failoverTest(
          .init(checkpoint: CheckpointIdentifier(102), vms: [VMIdentifier("a.vm-1")])
        )
    )
  }

  @Test func `a test is stopped as a success unless the body says otherwise`() async {
    #expect(
      await operation("/FailoverTestStop", "")
        == .failoverTestStop(succeeded: true, summary: "")
    )
    #expect(
      await operation(
        "/FailoverTestStop",
        #"{"FailoverTestSuccess": "False", "FailoverTestSummary": "x"}"#
      )
        == .failoverTestStop(succeeded: false, summary: "x")
    )
    #expect(
      await operation("/FailoverTestStop", #"{"VmIdentifiers": []}"#)
        == .failoverTestStop(succeeded: true, summary: "")
    )
  }

  @Test func `a test is stopped for the VMs that the body names`() async {
    #expect(
      await operation(
        "/FailoverTestStop",
        #"{"VmIdentifiers": ["a.vm-1"], "FailoverTestSuccess": false, "FailoverTestSummary": "x"}"#
      )
        == .failoverTestLeave(vms: [VMIdentifier("a.vm-1")], succeeded: false, summary: "x")
    )
  }

  @Test(arguments: [#""commit""#, #""1""#, "1"])
  func `a failover reads policies by name or number and both spellings of reverse`(
    policy: String
  ) async {
    let body = """
      {"commitpolicy": \(policy), "ShutdownPolicy": "ForceShutdown", "reverseProtection": true,
       "TimeToWaitBeforeShutdownInSec": "90", "Unknown": {"a": [1]}}
      """
    #expect(
      await operation("/Failover", body)
        == .failover(
          .init(
            commitPolicy: .commit,
            commitDelayInSeconds: 90,
            shutdownPolicy: .forceShutdown,
            reverseProtection: true
          )
        )
    )
  }

  @Test func `a failover without policies waits for a person and shuts nothing down`() async {
    #expect(await operation("/Failover", "{}") == .failover(.init()))
  }

  @Test func `a move reads what old and new clients send`() async {
    #expect(await operation("/Move", "{}") == .move(.init()))
    let body = """
      {"commitPolicy": "Commit", "commitPolicyTimeout": "60", "forceShutdown": "True",
       "reverseProtection": true, "keepSourceVms": false, "continueOnPreScriptFailure": null}
      """
    #expect(
      await operation("/move", body)
        == .move(
          .init(
            commitPolicy: .commit,
            commitDelayInSeconds: 60,
            forcesShutdown: true,
            reverseProtection: true,
            keepsSourceVMs: false
          )
        )
    )
    #expect(
      await operation("/moveCommit", #"{"KeepSourceVms": false}"#)
        == .moveCommit(reverseProtection: nil, keepsSourceVMs: false)
    )
    #expect(
      await operation("/MoveCommit", "")
        == .moveCommit(reverseProtection: nil, keepsSourceVMs: nil)
    )
    #expect(await operation("/moveRollBack", "") == .moveRollback)
    for action in ["/Move", "/MoveCommit"] {
      let client = await APIClient.loggedOn()
      let both = #"{"ReverseProtection": true, "KeepSourceVms": true}"#
      #expect(await client.send(.post, vpg + action, both).status == 400)
      #expect(await client.site.operations.isEmpty)
    }
  }

  @Test(arguments: ["CheckpointId", "CheckpointIdentifier"])
  func `a clone reads both names of its checkpoint, and takes all VMs without a list`(
    name: String
  ) async {
    #expect(
      await operation("/CloneStart", #"{"\#(name)": "102", "VmIdentifiers": null}"#)
        == .clone(.init(checkpoint: CheckpointIdentifier(102)))
    )
    #expect(await operation("/Clonestart", "") == .clone(.init()))
    #expect(await operation("/CloneAbort", "") == .cloneAbort)
  }

  @Test func `commit, rollback, pause, resume and sync need no body`() async {
    #expect(
      await operation("/failovercommit", "") == .failoverCommit(reverseProtection: nil)
    )
    #expect(await operation("/failoverRollback", "") == .failoverRollback)
    #expect(await operation("/pause", "") == .pause)
    #expect(await operation("/resume", "") == .resume)
    #expect(await operation("/forcesync", "") == .forceSync)
  }

  @Test(arguments: ["CheckpointName", "checkpointName", "checkpointname"])
  func `a tag is read in three spellings`(name: String) async {
    #expect(
      await operation("/checkpoints", #"{"\#(name)": "before"}"#)
        == .insertCheckpoint(tag: "before")
    )
  }

  @Test func `an application-consistent checkpoint has a call of its own, and is shown as such`()
    async throws
  {
    #expect(
      await operation("/checkpoints/vss", #"{"CheckpointName": "before"}"#)
        == .insertQuiescedCheckpoint(tag: "before")
    )
    let client = await APIClient.loggedOn()
    #expect(
      await client.send(.post, "/v1/vpgs/\(FakeSite.vpg)/checkpoints/vss", "{}").status == 400
    )
    let listed = await client.get("/v1/vpgs/\(FakeSite.vpg)/checkpoints").items ?? []
    #expect(listed.map { $0.object?["Vss"] } == [.bool(false), .bool(true)])
  }

  @Test func `the schedule of application-consistent checkpoints is set, and taken away by 0`()
    async throws
  {
    let client = await APIClient.loggedOn()
    let path = "/v1/vpgs/\(FakeSite.vpg)/checkpoints/schedule"
    #expect(await client.get(path).object?["VssIntervalInMinutes"] == .integer(0))
    #expect(await client.send(.post, path, "{}").status == 400)
    for (minutes, wish) in [(60, 60), (0, nil)] {
      let set = await operation("/checkpoints/schedule", #"{"VssIntervalInMinutes": \#(minutes)}"#)
      guard case .update(let definition) = set else {
        Issue.record("\(String(describing: set))")
        continue
      }
      #expect(definition.policy.quiescedIntervalInMinutes == wish)
      #expect(definition.generation == FakeSite.makeDefinition().generation + 1)
    }
  }

  @Test func `a VPG is deleted with or without a body, and keeps its disks unless told`() async {
    #expect(
      await operation("", "", method: .delete) == .delete(keepsRecoveryVolumes: true, force: false)
    )
    #expect(
      await operation("", #"{"KeepRecoveryVolumes": false, "Force": "True"}"#, method: .delete)
        == .delete(keepsRecoveryVolumes: false, force: true)
    )
  }

  @Test(arguments: [
    (#"{"CheckpointIdentifier": "#, "/FailoverTest"), ("[1]", "/FailoverTest"),
    (#"{"CheckpointIdentifier": "x"}"#, "/FailoverTest"), ("{}", "/checkpoints"),
    (#"{"CommitPolicy": "never"}"#, "/Failover"), (#"{"CommitPolicy": 9}"#, "/Failover"),
    (#"{"VmIdentifiers": [{}]}"#, "/Failover"), (#"{"a": 1} x"#, "/Failover"),
    (#"{"TimeToWaitBeforeShutdownInSec": -1}"#, "/Failover"),
  ])
  func `a body that cannot be right is a 400 and nothing is done`(
    body: String,
    action: String
  ) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.post, vpg + action, body)
    #expect(answer.status == 400)
    #expect(answer.body.object?["Message"]?.readText?.isEmpty == false)
    #expect(await client.site.operations.isEmpty)
  }

  @Test func `what the site refuses has its own status each`() async {
    let client = await APIClient.loggedOn()
    let statuses: [(SiteError, Int)] = [
      (.notFound("a"), 404), (.invalid("a"), 400), (.conflict("a"), 409), (.unreachable("a"), 503),
      (.failed("a"), 500),
    ]
    for (error, status) in statuses {
      await client.site.refuse(error)
      let answer = await client.send(.post, vpg + "/pause")
      #expect(answer.status == status)
      #expect(answer.body.object?["Message"] == .string("a"))
    }
    #expect(await client.send(.post, "/v1/vpgs/unknown/pause").status == 404)
  }

  @Test func `a running test shows its stage`() async {
    let client = await APIClient.loggedOn()
    let path = vpg
    #expect(
      await client.get(path).object?.value("ActiveProcessesApi", "RunningFailOverTestApi")
        == .null
    )
    await client.site.setTestStage("Running")
    #expect(
      await client.get(path).object?
        .value("ActiveProcessesApi", "RunningFailOverTestApi", "Stage") == .string("Running")
    )
  }

  @Test func `without checkpoints both stats are null`() async {
    let client = await APIClient.loggedOn()
    await client.site.removeCheckpoints()
    let stats = await client.get(vpg + "/checkpoints/stats").object
    #expect(stats?["Earliest"] == .null && stats?["Latest"] == .null)
  }

  @Test func `a split brain shows what each choice loses, and is resolved by naming a site`()
    async throws
  {
    let client = await APIClient.loggedOn()
    let path = "/v1/vpgs/\(FakeSite.vpg)/splitbrain"
    #expect(await client.get(path).object?["IsSplit"] == .bool(false))
    await client.site.setSplitBrain(
      SplitBrain(
        cause: .bothRun([FakeSite.web]),
        vms: ["web1"],
        parted: nil,
        choices: [.init(site: FakeSite.paris, name: "paris", consequence: "all is lost")]
      )
    )
    let shown = try #require(await client.get(path).object)
    #expect(shown["IsSplit"] == .bool(true) && shown["PartedAt"] == .null)
    let choice = try #require(shown["Choices"]?.items?.first?.object)
    #expect(choice["SiteIdentifier"] == .identifier(FakeSite.paris))
    #expect(choice["Consequence"] == .string("all is lost"))
    #expect(await client.send(.post, path, "{}").status == 400)
    let body = #"{"KeepSiteIdentifier": "\#(FakeSite.paris)"}"#
    #expect(await client.send(.post, path, body).status == 200)
    #expect(await client.site.operations == [.resolve(keeping: FakeSite.paris)])
  }

  @Test func `what would be lost is null for a VM that does not say`() async throws {
    let client = await APIClient.loggedOn()
    let shown = try #require(await client.get("/v1/vpgs/\(FakeSite.vpg)/exposure").object)
    #expect(shown["Loss"] == .null)
    let first = try #require(shown["Vms"]?.items?.first?.object)
    #expect(first["Loss"]?.object?["Writes"] == .integer(7))
    #expect(first["Loss"]?.object?["OldestWriteAgeInMilliseconds"] == .integer(140))
  }
}
