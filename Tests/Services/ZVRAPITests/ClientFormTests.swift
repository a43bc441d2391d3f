// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import ZVRAPI

/// Forms in which public clients send what they want, beside those of ``QuirkTests``.
@Suite struct ClientFormTests {
  @Test func `a tree that lists one VM changes that one and keeps the others`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
    let before = await client.get(settings).object?["Vms"]?.items?.count ?? 0
    #expect(
      await client.send(.post, "\(settings)/vms", #"{"VmIdentifier": "\#(FakeSite.app)"}"#)
        .status == 200
    )
    let body = #"""
      {"Vms": [{"VmIdentifier": "\#(FakeSite.app)", "Recovery": {"HostIdentifier": "h9"}}]}
      """#
    #expect(await client.send(.put, settings, body).status == 200)
    let vms = await client.get(settings).object?["Vms"]?.items?.compactMap(\.object) ?? []
    #expect(vms.count == before + 1)
    let hosts = vms.map { $0.value("Recovery", "HostIdentifier").readText }
    #expect(hosts.filter { $0 == "h9" }.count == 1)
    #expect(await client.send(.put, settings, #"{"Vms": []}"#).status == 200)
    #expect(await client.get(settings).object?["Vms"]?.items?.count == before + 1)
  }

  @Test func `addresses given without the flag are meant to be set`() async throws {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(APIClient.newVPG)
    let card = "\(settings)/vms/\(FakeSite.app)/nics/Network adapter 1"
    // A client that reads the card, sets addresses and writes all of it back.
    var object = try #require(await client.get(card).object)
    #expect(object.value("Failover", "Hypervisor", "ShouldReplaceIpConfiguration") == .null)
    var address = SettingsShapes.ipConfiguration.blank
    address["StaticIp"] = .string("10.1.1.7")
    address["SubnetMask"] = .string("255.255.255.0")
    object.set(.object(address), at: "Failover", "Hypervisor", "IpConfig")
    let body = String(decoding: JSONWriter.write(.object(object)), as: UTF8.self)
    #expect(await client.send(.put, card, body).status == 200)
    _ = await client.send(.post, "\(settings)/commit")
    let place = await client.site.created.first?.vms.first?.nics.first?.failover
    #expect(place?.address == "10.1.1.7")
    #expect(place?.replacesAddresses != false)
  }

  @Test func `a VPG that names no protected site is protected by the site that is asked`()
    async throws
  {
    let client = await APIClient.loggedOn()
    let settings = await client.openSettings(
      #"{"Basic": {"Name": "x", "RecoverySiteIdentifier": "\#(FakeSite.paris)"}}"#
    )
    _ = await client.send(.post, "\(settings)/commit")
    #expect(await client.site.created.first?.protectedSite == FakeSite.london)
  }

  @Test func `a VPG can be placed on the cluster of all hosts`() async throws {
    let client = await APIClient.loggedOn()
    let path = "/v1/virtualizationsites/\(FakeSite.paris)/hostclusters"
    let cluster = try #require(await client.get(path).items?.first?.object)
    let name = try #require(cluster["ClusterIdentifier"]?.readText)
    #expect(cluster["AssociatedHosts"]?.items?.isEmpty == false)
    func commit(_ cluster: String) async -> (status: Int, body: APIValue) {
      let settings = await client.openSettings(
        #"""
        {"Basic": {"Name": "x", "RecoverySiteIdentifier": "\#(FakeSite.paris)"},
         "Recovery": {"DefaultHostIdentifier": null, "DefaultHostClusterIdentifier": "\#(cluster)"}}
        """#
      )
      return await client.send(.post, "\(settings)/commit")
    }
    #expect(await commit(name).status == 200)
    #expect(await client.site.created.first?.recovery.host != nil)
    #expect(await commit("domain-c8").status == 400)
  }

  @Test(arguments: ["DefaultResourcePoolIdentifier", "ResourcePoolIdentifier"])
  func `a VPG can be placed in a resource pool alone`(member: String) async throws {
    let client = await APIClient.loggedOn()
    let path = "/v1/virtualizationsites/\(FakeSite.paris)/resourcepools"
    let pool = try #require(await client.get(path).items?.first?.object)
    #expect(pool["ResourcepoolName"] == .string("Resources"))
    let name = try #require(pool["ResourcePoolIdentifier"]?.readText)
    let settings = await client.openSettings(
      #"""
      {"Basic": {"Name": "x", "RecoverySiteIdentifier": "\#(FakeSite.paris)"},
       "Recovery": {"DefaultHostIdentifier": null, "\#(member)": "\#(name)"}}
      """#
    )
    #expect(await client.send(.post, "\(settings)/commit").status == 200)
    let recovery = try #require(await client.site.created.first?.recovery)
    #expect(recovery.resourcePool?.rawValue == name && recovery.host == FakeSite.host)
  }

  @Test(arguments: [
    #"{"Basic": {"Name": "x",}, }"#, #"{"Basic": {"Name": "x"}, "Vms": [],}"#,
  ])
  func `a comma after the last item is let pass`(body: String) async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.post, "/v1/vpgSettings", body).status == 200)
  }

  @Test(arguments: ["{,}", "[,]", #"{"a": 1,,}"#, #"{"a" 1}"#, "[1 2]"])
  func `other commas are not`(text: String) {
    #expect(throws: JSONReader.Failure.self) { try JSONReader.read(Array(text.utf8)) }
  }

  @Test func `a body without a charset may be in ISO 8859-1`() async {
    let client = await APIClient.loggedOn()
    let body = Array(#"{"Basic": {"Name": ""#.utf8) + [0xFC] + Array(#""}}"#.utf8)
    #expect(await client.respond(.post, "/v1/vpgSettings", bytes: body).status == 200)
    let named = "application/json; charset=utf-8"
    let refused = await client.respond(.post, "/v1/vpgSettings", bytes: body, contentType: named)
    #expect(refused.status == 400)
    let settings = await client.get("/v1/vpgSettings").items?.first?.object
    #expect(settings?.value("Basic", "Name") == .string("ü"))
  }

  @Test(arguments: [
    ("events?vpgIdentifier={\(FakeSite.vpg)}", 1), ("events?vpgIdentifier={x}", 0),
    ("vras?vraName=Z-VRA-london", 1), ("vras?vraName=Z-VRA-paris", 0),
  ])
  func `names in the forms of other platforms are understood`(path: String, count: Int) async {
    let client = await APIClient.loggedOn()
    #expect(await client.get("/v1/\(path)").items?.count == count)
    #expect(await client.send(.get, "/v1/vpgs/{\(FakeSite.vpg)}").status == 200)
  }

  @Test func `metrics of encryption are of every protected object, and say that none was seen`()
    async
  {
    let client = await APIClient.loggedOn()
    for kind in ["vpgs", "vms", "volumes"] {
      let items = await client.get("/v1/encryptionDetection/metrics/\(kind)").items ?? []
      #expect(!items.isEmpty)
      for item in items {
        #expect(item.object?.value("EncryptionMetrics", "EncryptedData") == .integer(0))
      }
    }
    let vms = await client.get("/v1/encryptionDetection/metrics/vms").items
    #expect(vms?.first?.object?.value("Link", "name").readText?.isEmpty == false)
  }

  @Test(arguments: [
    (51.25, "51.25"), (51.0, "51"), (-1, "-1"), (.infinity, "0"), (1e300, "1e+300"),
  ])
  func `a whole number is written without a fraction`(number: Double, text: String) {
    #expect(String(decoding: JSONWriter.write(.double(number)), as: UTF8.self) == text)
  }
}
