// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct ReportCallTests {
  private func object(_ value: APIValue) throws -> APIObject { try #require(value.object) }

  @Test func `pages of the resource report go on until one is empty`() async throws {
    let client = await APIClient.loggedOn()
    var times: [APIValue] = []
    for page in 1...3 {
      let path = "/v1/reports/resources?pageNumber=\(page)&pageSize=2"
      let items = try #require(await client.get(path).items)
      if items.isEmpty { break }
      times += items.compactMap { $0.object?["SampleTime"] }
    }
    #expect(times.count == 3)
    #expect(await client.get("/v1/reports/resources?pageNumber=3&pageSize=2").items == [])
  }

  @Test func `the resource report is filtered by names of either site`() async throws {
    let client = await APIClient.loggedOn()
    for (query, count) in [
      ("vmName=WEB1", 3), ("vmName=other", 0), ("zorgName=org", 3), ("zorgName=x", 0),
      ("protectedSiteName=london&vpgName=App1", 3), ("recoveryVcdOrg=x", 0),
    ] {
      #expect(await client.get("/v1/reports/resources?\(query)").items?.count == count, "\(query)")
    }
    #expect(await client.send(.get, "/v1/reports/resources?pageSize=1001").status == 400)
    #expect(await client.send(.get, "/v1/reports/resources?pageSize=no").status == 400)
  }

  @Test func `flat samples need no session and sum up`() async throws {
    let client = APIClient()
    for root in ["/ZvmService", "/v1/ZvmService"] {
      let path =
        "\(root)/ResourcesReport/getSamples?fromTimeString=2024-05-06%2007:00:00"
        + "&toTimeString=2024-05-07%2000:00:00&startIndex=1&count=500"
      let samples = try #require(await client.get(path).items).compactMap(\.object)
      #expect(samples.count == 2)
      #expect(samples.first?["SourceVolumesUsedStorageInGB"] == .double(0.5))
      #expect(samples.first?["RecoveryJournalUsedStorageInGB"]?.readInteger == 1)
      #expect(samples.first?["CpuUsedInMhz"] == .integer(120))
      #expect(samples.first?["CpuLimitInMhz"] == .integer(1500))
      #expect(samples.first?["MemoryReservedInMB"] == .integer(192))
      #expect(samples.first?["MemoryLimitInMB"] == .integer(0))
      #expect(samples.first?["Zorg"]?.readText?.hasSuffix(FakeSite.zorg.identifier) == true)
    }
    let path = "/ZvmService/ResourcesReport/getSamples"
    #expect(await client.send(.get, "\(path)?count=501").status == 400)
    #expect(await client.send(.get, "\(path)?startIndex=-1").status == 400)
    let filtered = "/ZvmService/ResourcesReport/getSamplesWithFilter?filter="
    #expect(await client.get(filtered + "web1").items?.count == 3)
    #expect(await client.get(filtered + "web2").items?.count == 0)
  }

  @Test func `a recovery report says who, when, to which point and how long`() async throws {
    let client = await APIClient.loggedOn()
    let report = try object(await client.get("/v1/reports/recovery/\(FakeSite.recovery)"))
    let general = report.object("General")
    #expect(general["RtoInSeconds"] == .string("12"))
    #expect(general["RecoveryType"] == .string("FailoverTest"))
    #expect(general["InitiatedBy"] == .string("admin"))
    #expect(general["Status"] == .string("Success"))
    let steps = try #require(report.object("RecoverySettings")["Steps"]?.items)
    #expect(steps.first?.object?["ExecutionTime"] == .string("00:00:03"))
    for (query, count) in [
      ("recoveryType=Failover%20Test", 1), ("recoveryType=Failover", 0), ("state=fail", 0),
      ("vpgName=other,%20App1", 1), ("vpgName=other", 0), ("pageNumber=2", 0),
    ] {
      #expect(await client.get("/v1/reports/recovery?\(query)").items?.count == count, "\(query)")
    }
    #expect(await client.send(.get, "/v1/reports/recovery?state=maybe").status == 400)
    #expect(await client.send(.get, "/v1/reports/recovery/x").status == 404)
  }

  @Test func `the evidence has what the published report has no member for`() async throws {
    let client = await APIClient.loggedOn()
    let path = "/v1/reports/recovery/\(FakeSite.recovery)/evidence"
    let evidence = try object(await client.get(path))
    #expect(evidence["RtoInSeconds"] == .double(12.4))
    #expect(evidence["RpoInSeconds"] == .double(4.25))
    #expect(evidence["HasSucceeded"] == .bool(true))
    let request = try #require(evidence["Requests"]?.items?.first?.object)
    #expect(request["UserName"] == .string("admin"))
    #expect(evidence["Steps"]?.items?.first?.object?["Seconds"]?.readInteger == 3)
    #expect(evidence["Verifications"]?.items?.first?.object?["HasPassed"] == .bool(true))
    let xml = await client.xml(path)
    #expect(xml.contains("<RpoInSeconds>4.25</RpoInSeconds>"))
    #expect(xml.contains("<Finding>5 &lt; 6 &amp; it ran</Finding>"))
    #expect(await client.send(.get, "/v1/reports/recovery/x/evidence").status == 404)
    #expect(await client.send(.get, "/v1/reports/recovery/x/page").status == 404)
  }

  @Test func `a browser gets the page that is signed, and the page needs nothing else`()
    async throws
  {
    let client = await APIClient.loggedOn()
    let path = "/v1/reports/recovery/\(FakeSite.recovery)"
    let shown = try #require(await client.respond(.get, path, accept: "text/html").rendered)
    let filed = try #require(await client.respond(.get, path + "/page").rendered)
    #expect(shown.bytes == filed.bytes)
    #expect(filed.mediaType.hasPrefix("text/html"))
    let text = String(decoding: filed.bytes, as: UTF8.self)
    for part in [
      "Failover test of App1", "12.400 s", "4.250 s", "5 &lt; 6 &amp; it ran", "@media print",
      "admin", "Start the VM web1", "was not compared",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    for foreign in ["src=", "http:", "https:", "<script", "@import", "url("] {
      #expect(!text.contains(foreign), "\(foreign)")
    }
  }

  @Test func `the key of reports is anybody's, and a site without one says so`() async {
    for path in ["/v1/reports/signingkey", "/v1/reports/signingcertificate"] {
      #expect(await APIClient().send(.get, path).status == 404, "\(path)")
    }
    let report = "/v1/reports/recovery/\(FakeSite.recovery)"
    #expect(await APIClient().send(.get, report + "/page").status == 401)
    #expect(await APIClient.loggedOn().send(.get, report + "/signature").status == 404)
  }

  @Test func `volumes are filtered and datastores add them up`() async throws {
    let client = await APIClient.loggedOn()
    #expect(await client.get("/v1/volumes?volumeType=journal").items?.count == 1)
    #expect(await client.get("/v1/volumes?volumeType=Appliance").items?.count == 0)
    #expect(await client.send(.get, "/v1/volumes?volumeType=Tape").status == 400)
    let path = "/v1/datastores/11111111-aaaa.datastore-one"
    let usage = try object(await client.get(path)).object("Stats", "Usage")
    #expect(usage.value("Zerto", "Journal", "UsedInBytes").readInteger == 1 << 20)
    #expect(usage.value("Datastore", "UsedInBytes").readInteger == 1 << 39)
    #expect(
      usage.value("Datastore", "ProvisionedInBytes").readInteger
        == (1 << 39) + 4 * ((1 << 30) - (1 << 20))
    )
  }

  @Test func `a datastore says what it is, and whether it can be used`() async throws {
    let client = await APIClient.loggedOn()
    for (name, type, status) in [("one", "dir", "Normal"), ("away", "netfs", nil)] {
      let path = "/v1/datastores/11111111-aaaa.datastore-\(name)"
      let shown = try object(await client.get(path))
      #expect(shown.value("Config", "Type").readText == type)
      #expect(shown.value("Stats", "AvailabilityStatus").readText == status)
    }
  }

  @Test func `open alerts show at the VPG, the appliance and the datastore`() async throws {
    let client = await APIClient.loggedOn()
    func levels() async throws -> [Int?] {
      let vpg = try object(await client.get("/v1/vpgs").items?.first ?? .null)
      let vra = try object(await client.get("/v1/vras").items?.first ?? .null)
      return [
        vpg.value("AlertStatus").readInteger,
        vra.value("VraAlerts", "VraAlertsStatus").readInteger,
      ]
    }
    func health() async throws -> (status: String?, count: Int?) {
      let path = "/v1/datastores/11111111-aaaa.datastore-one"
      let health = try object(await client.get(path)).object("Health")
      return (health.value("Status").readText, health.value("Alerts").items?.count)
    }
    #expect(try await levels() == [1, 1])
    #expect(try await health() == (nil, 1))
    await client.site.removeAlerts()
    #expect(try await levels() == [0, 0])
    #expect(try await health() == ("Normal", 0))
  }

  @Test func `the site shows its banner and a VPG the name of its service profile`() async throws {
    let client = await APIClient.loggedOn()
    let before = try object(await client.get("/v1/localsite"))
    #expect(before.value("IsLoginBannerEnabled") == .bool(false))
    let banner = #"{"IsLoginBannerEnabled": true, "LoginBanner": "For staff only."}"#
    #expect(await client.send(.put, "/v1/localsite/settings/loginBanner", banner).status == 200)
    let site = try object(await client.get("/v1/localsite"))
    #expect(site.value("IsLoginBannerEnabled") == .bool(true))
    #expect(site.value("LoginBanner").readText == "For staff only.")
    let vpg = try object(await client.get("/v1/vpgs").items?.first ?? .null)
    #expect(vpg.value("ServiceProfileName").readText == "Gold")
  }

  @Test func `notes and why a recovery failed are lines of their own`() {
    var report = FakeSite.recoveryReports[0]
    report.notes = "db1: not enough memory\nrest fine"
    report.failure = "The test was marked as failed."
    let shown = APIValue.recoveryReport(report).object?.value("General", "Notes").readText
    #expect(shown == "db1: not enough memory\nrest fine\nThe test was marked as failed.")
  }
}
