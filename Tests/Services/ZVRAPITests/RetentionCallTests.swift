// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct RetentionCallTests {
  @Test func `a repository is a folder or S3, and shows nothing that opens it`() async throws {
    let client = await APIClient.loggedOn()
    let root = "/v1/ltr/repositories"
    let s3 =
      #"{"RepositoryName": "s", "S3-Compatible": {"S3EndpointUrl": "http://h:7480/", "#
      + #""S3BucketName": "b", "S3AccessKey": "k", "S3SecretKey": "x", "Path": "/a//b"}, "#
      + #""DefaultRepository": "true", "EncryptionPassword": "p"}"#
    #expect(await client.send(.post, root, s3).status == 200)
    let wish = try #require(await client.site.repositoryWishes.last)
    #expect(
      wish
        == RepositoryWish(
          name: "s",
          place: .s3(endpoint: "http://h:7480", bucket: "b", path: "a/b", region: ""),
          isDefault: true,
          password: "p",
          accessKey: "k",
          secretKey: "x"
        )
    )
    for body in [
      "{}", #"{"RepositoryName": "r"}"#, #"{"RepositoryName": "r", "Nfs": {"Path": "srv"}}"#,
      #"{"RepositoryName": "r", "Nfs": {"Path": "/srv/../etc"}}"#,
      #"{"RepositoryName": "r", "Smb": {"Path": "//h/share"}}"#,
      #"{"RepositoryName": "r", "S3": {"S3BucketName": "b", "S3EndpointUrl": "ftp://h"}}"#,
    ] {
      #expect(await client.send(.post, root, body).status == 400, "\(body)")
    }
    let shown = try #require(await client.get(root).items?.first?.object)
    #expect(shown["Nfs"]?.object?["Path"] == .string("/srv/archive"))
    #expect(shown["FreeCapacityGB"] == .integer(7))
    let one = "\(root)/\(FakeSite.repository)"
    #expect(await client.send(.put, one, #"{"RepositoryName": "new"}"#).status == 200)
    #expect(await client.site.repositoryWishes.last?.place == .folder(path: "/srv/archive"))
    #expect(await client.send(.delete, one).status == 200)
    #expect(await client.get("\(root)/x").object?["Message"] != nil)
    let tester = await APIClient.loggedOn(as: .vpgOperator)
    #expect(await tester.send(.delete, one).status == 403)
  }

  @Test func `copies are begun and ended, and sets shown, restored and deleted`() async throws {
    let client = await APIClient.loggedOn()
    let vpg = "/v1/ltr/vpgs/\(FakeSite.vpg)"
    #expect(await client.send(.post, "\(vpg)/retentionstart", "{}").status == 200)
    #expect(await client.send(.post, "\(vpg)/RetentionAbort").status == 200)
    #expect(await client.site.operations == [.retain(nil), .retainAbort])
    let catalogue = "/v1/ltr/catalog"
    let sets = await client.get("\(catalogue)/fullretentionsets").object?["RetentionSets"]
    let set = try #require(sets?.items?.first?.object)
    #expect(set["Repository"]?.object?["Name"] == .string("archive"))
    #expect(set["IsVpgExists"] == .bool(true))
    let lock = set["RetentionSetImmutability"]?.object
    #expect(lock?["ImmutabilityState"] == .string("Immutable"))
    #expect(lock?["ImmutabilityExpiryTime"] == .string("2096-10-02T07:06:40.000Z"))
    let none = await client.get("\(catalogue)/fullretentionsets?vpgIdentifier=x")
    #expect(none.object?["RetentionSets"]?.items == [])
    let vms = await client.get("\(catalogue)/VMs").object?["Vms"]?.items
    #expect(vms?.first?.object?["Vm"]?.object?["Identifier"] == .string("\(FakeSite.web)"))

    let restore = #"{"RetentionSetIdentifier": "\#(FakeSite.retentionSet)""#
    let body = restore + #", "VmIdentifier": "\#(FakeSite.web)", "DatastoreIdentifier": "d"}"#
    let answer = await client.send(.post, "/v1/ltr/restore/vm", body)
    #expect(answer.body == .string("\(FakeSite.retentionTask)"))
    #expect(await client.site.restoreWishes.last?.datastore == DatastoreIdentifier("d"))
    #expect(await client.send(.post, "/v1/ltr/restore/vm", restore + "}").status == 400)
    let abort = "/v1/ltr/restore/\(FakeSite.retentionTask)/abort"
    #expect(await client.send(.post, abort).body == .string(FakeSite.task.rawValue))
    #expect(await client.site.removed == ["restore \(FakeSite.retentionTask)"])
    #expect(await client.send(.post, "/v1/ltr/restore/x/abort").status == 404)

    let path = "\(catalogue)/deleteretentionsets"
    let deletion =
      #"{"RetentionSetsToDelete": [{"FullRetentionSetIdentifier": "\#(FakeSite.retentionSet)"}]}"#
    #expect(await client.send(.post, path, deletion).status == 200)
    #expect(await client.site.removed.last == "\(FakeSite.retentionSet)")
    let unknown = #"{"RetentionSetsToDelete": [{"FullRetentionSetIdentifier": "x"}]}"#
    #expect(await client.send(.post, path, unknown).status == 404)
    #expect(await client.send(.post, path, "{}").status == 400)
  }

  @Test func `the health of scheduled copies is that of the VPGs recovered here`() async throws {
    let client = await APIClient.loggedOn()
    let path = "/v1/ltr/health/vpgs"
    #expect(await client.get(path).object?["Vpgs"]?.items == [])
    var policy = RetentionPolicy(isEnabled: true, repository: FakeSite.repository)
    policy.minuteOfDay = 120
    policy.daily = .init(isEnabled: true, span: .init(7, .days))
    policy.monthly = .init(isEnabled: true, span: .init(12, .months))
    policy.monthly.day = RetentionPolicy.Rule.lastDay
    var definition = FakeSite.makeDefinition()
    definition.retention = policy
    definition.recoverySite = FakeSite.london
    await client.site.setDefinition(definition)
    let vpgs = await client.get(path).object?["Vpgs"]?.items
    let health = try #require(vpgs?.first?.object)
    #expect(vpgs?.count == 1 && health["Policy"] == .string("Daily, Monthly"))
    #expect(health["RepositoryName"] == .string("archive"))
    #expect(health["LtrVpgStatus"]?.readInteger == 1)
    #expect(health["IsAbortBackupEnabled"] == .bool(true))
    #expect(health["TimeOfLastSuccessfulRun"]?.readText?.hasPrefix("2024-05-06T07:08:09") == true)
    let settings = health.object("SchedulingAndRetentionSettings")
    #expect(settings.value("MonthlySettings", "DayOfMonth") == .integer(29))
    #expect(
      settings.value("DailySettings", "DailyPeriod", "BackupStartTimeOfDayInMinutes")
        == .integer(120)
    )
    // One that another site recovers is that site's.
    definition.recoverySite = FakeSite.paris
    await client.site.setDefinition(definition)
    #expect(await client.get(path).object?["Vpgs"]?.items == [])
  }
}
