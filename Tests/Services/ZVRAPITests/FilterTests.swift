// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct FilterTests {
  @Test(arguments: [
    ("vpgs?name=app1", 1), ("vpgs?vpgName=App1", 1), ("vpgs?name=other", 0),
    ("vpgs?Status=meetingsla", 1), ("vpgs?status=1", 1), ("vpgs?status=Deleting", 0),
    ("vpgs?SubStatus=None", 1), ("vpgs?sourceSite=london", 1),
    ("vpgs?protectedSiteIdentifier=\(FakeSite.paris)", 0), ("vpgs?priority=Medium", 1),
    ("vpgs?targetType=VCVpg", 1), ("vpgs?recoverySiteType=4", 0),
    ("vpgs?recoverySiteType=AWS", 0), ("vms?sourceType=aws", 0),
    ("vpgs?protectedSiteType=HyperV", 0), ("vpgs?backupEnabled=True", 0),
    ("vms?vpgName=APP1", 1), ("vms?vmName=web2", 0), ("vms?vmIdentifier=\(FakeSite.web)", 1),
    ("peersites?paringStatus=Paired", 1), ("peersites?pairingStatus=2", 0),
    ("peersites?peerName=Paris", 0), ("peersites?hostName=10.0.0.2&port=9081", 1),
    ("vras?vraName=VRA1&IPADDRESS=10.0.0.3", 1), ("vras?status=NotInstalled", 0),
    ("vras?vraIpConfigurationTypeApi=static", 1), ("vras?datastoreName=one", 0),
    ("tasks?type=createprotectiongroup", 1), ("tasks?status=InProgress", 1),
    ("tasks?status=6", 0), ("tasks?completedAfterDate=2000-01-01", 0),
    ("tasks?startedAfterDate=2024-05-06T07:08:09Z", 1),
    ("tasks?startedBeforeDate=2024-05-06T07:08:09.000Z", 0),
    ("events?eventType=CreateProtectionGroup", 1), ("events?eventType=2", 0),
    ("events?vpg=\(FakeSite.vpg)", 1), ("events?entityType=VPG&category=events", 1),
    ("events?eventCategory=Alerts", 0), ("events?siteName=LONDON&userName=Admin", 1),
    ("events?zorgIdentifier=\(FakeSite.zorg.identifier.uppercased())", 1),
    ("events?zorgIdentifier=\(FakeSite.vpg)", 0),
    ("alerts?zorgIdentifier=\(FakeSite.zorg.identifier)", 1), ("alerts?zorgIdentifier=x", 0),
    ("alerts?isDismissed=False", 1), ("alerts?isDismissed=true", 0), ("tasks?type=0", 1),
    ("tasks?type=Move", 0), ("tasks?type=failoverrollback", 0),
    ("events?startDate=5/6/2024+12%3A00:00%20AM", 1), ("events?endDate=2024-05-06", 0),
    ("vpgs/\(FakeSite.vpg)/checkpoints?startDate=2020-01-01", 2),
  ])
  func `a filter keeps what it names`(path: String, count: Int) async {
    let client = await APIClient.loggedOn()
    let items = await client.get("/v1/\(path)").items
    #expect(items?.count == count, "\(path)")
  }

  @Test func `events and alerts name the organisation of their VPG`() async {
    let client = await APIClient.loggedOn()
    let event = await client.get("/v1/events").items?.first?.object
    #expect(event?["ZorgName"]?.readText == "Org")
    #expect(event?["ZorgIdentifier"]?.readText == FakeSite.zorg.identifier)
    let link = await client.get("/v1/alerts").items?.first?.object?["AffectedZorgs"]?
      .items?.first?.object
    #expect(link?["identifier"]?.readText == FakeSite.zorg.identifier)
  }

  @Test func `what belongs to no organisation links to one without a name, which is in no listing`()
    async
  {
    let client = await APIClient.loggedOn()
    let vpg = await client.get("/v1/vpgs/\(FakeSite.vpg)").object
    let link = vpg?["Zorg"]?.object?["identifier"]?.readText ?? ""
    let zorg = await client.get("/v1/zorgs/\(link)").object
    #expect(zorg?["ZorgName"]?.readText == "" && zorg?["ZorgIdentifier"]?.readText == link)
    #expect(await client.get("/v1/zorgs").items?.count == 1)
  }

  @Test(arguments: [
    "vpgs?status=Sleepy", "events?startDate=soon", "tasks?status=99", "tasks?type=nope",
    "tasks?type=-1", "alerts?isDismissed=maybe",
  ])
  func `a filter that cannot be right is a 400`(path: String) async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.get, "/v1/\(path)").status == 400)
  }

  @Test func `without a period the last thousand events are answered`() async {
    let client = await APIClient.loggedOn()
    let many = (0..<1200).map { number in
      EventRecord(
        identifier: "e\(number)",
        kind: .pauseVPG,
        occurred: FakeSite.time,
        description: "",
        succeeded: true,
        userName: "",
        vpgs: [],
        site: FakeSite.london
      )
    }
    await client.site.setEvents(many)
    #expect(await client.get("/v1/events").items?.count == 1000)
    #expect(await client.get("/v1/events?startDate=2020-01-01").items?.count == 1200)
  }

  @Test(arguments: [
    ("events", 1000), ("events?startDate=2024-01-01", 100_000), ("events?userName=ann", 100_000),
    ("events?vpg=\(FakeSite.vpg)", 100_000), ("events?category=Events", 100_000),
  ])
  func `no more events are read than can be answered or have to be looked through`(
    path: String,
    limit: Int
  ) async {
    let client = await APIClient.loggedOn()
    _ = await client.get("/v1/\(path)")
    #expect(await client.site.eventLimit == limit)
  }

  @Test func `an unknown event, task, VM, appliance, host and site are 404`() async {
    let client = await APIClient.loggedOn()
    for path in [
      "events/x", "tasks/x", "vms/x", "vras/1", "peersites/x", "virtualizationsites/x",
      "virtualizationsites/x/vms", "virtualizationsites/\(FakeSite.london)/hosts/x",
      "vpgs/x/checkpoints", "vpgSettings/x",
    ] {
      #expect(await client.send(.get, "/v1/\(path)").status == 404, "\(path)")
    }
  }

  @Test func `the identifier of an appliance keeps all its digits`() async {
    let client = await APIClient.loggedOn()
    let appliance = await client.get("/v1/vras/9007199254740993").object
    #expect(appliance?["VraIdentifier"] == .integer(Int64(9_007_199_254_740_993)))
    #expect(appliance?["VraIdentifierStr"] == .string("9007199254740993"))
  }

  @Test func `links are absolute and tell the own site from the other`() async {
    let client = await APIClient.loggedOn()
    let vpg = await client.get("/v1/vpgs/\(FakeSite.vpg)").object
    #expect(
      vpg?.value("Link", "href")
        == .string("https://zvm.example:9669/v1/vpgs/\(FakeSite.vpg)")
    )
    #expect(vpg?.value("ProtectedSite", "type") == .string("LocalSiteApi"))
    #expect(
      vpg?.value("RecoverySite", "href")
        == .string("https://zvm.example:9669/v1/peersites/\(FakeSite.paris)")
    )
  }

  @Test func `a pairing token's expiry is American text`() async {
    let client = await APIClient.loggedOn()
    let token = await client.send(.post, "/v1/peersites/generatetoken").body.object
    #expect(token?["UtcExpirationDate"] == .string("05/06/2024 07:08 AM"))
  }

  @Test func `pairing needs host and token`() async {
    let client = await APIClient.loggedOn()
    for body in [
      "{}", #"{"HostName": "h"}"#, #"{"HostName": "h", "Token": "bad"}"#,
      #"{"HostName": "h", "Token": "t", "Port": 70000}"#,
    ] {
      #expect(await client.send(.post, "/v1/peersites", body).status == 400, "\(body)")
    }
    let body = #"{"hostname": "h", "port": "9081", "token": "t"}"#
    #expect(await client.send(.post, "/v1/peersites", body).status == 200)
  }
}
