// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

/// Sessions of a self-service portal, which are confined to one organisation.
@Suite struct PortalSessionTests {
  private static let vpg = "/v1/vpgs/\(FakeSite.vpg)"
  /// What shows things of VPGs.
  private static let lists = ["/v1/vpgs", "/v1/vms", "/v1/tasks", "/v1/events", "/v1/alerts"]
  private static let objects = [
    vpg, "\(vpg)/checkpoints", "\(vpg)/checkpoints/stats", "\(vpg)/checkpoints/summary",
    "\(vpg)/exposure", "/v1/vms/\(FakeSite.web)", "/v1/vms/\(FakeSite.web)/pointsInTime",
    "/v1/vms/\(FakeSite.web)/pointsInTime/stats", "/v1/tasks/\(FakeSite.task)",
    "/v1/events/\(FakeSite.event)", "/v1/alerts/\(FakeSite.alert)",
  ]

  /// A client in a session of the organisation, which owns the VPG or not, and the administrator.
  private func clients(owning: Bool) async throws -> (tenant: APIClient, admin: APIClient) {
    let admin = await APIClient.loggedOn()
    if owning {
      var definition = await admin.site.definition
      definition.policy.zorg = FakeSite.zorg.identifier.uppercased()
      await admin.site.setDefinition(definition)
    }
    var tenant = admin
    let opened = await admin.send(
      .post,
      "/v1/zsspsessions",
      #"{"ZorgIdentifier": "\#(FakeSite.zorg.identifier)", "ZsspAddress": "https://portal", "#
        + #""ZorgUserName": "tess"}"#
    )
    try #require(opened.status == 200)
    tenant.token = opened.body.readText
    return (tenant, admin)
  }

  @Test func `a tenant sees its own VPGs and what is about them`() async throws {
    let (tenant, _) = try await clients(owning: true)
    for path in Self.lists { #expect(await tenant.get(path).items?.count == 1, "\(path)") }
    for path in Self.objects { #expect(await tenant.send(.get, path).status == 200, "\(path)") }
    #expect(await tenant.send(.post, "\(Self.vpg)/FailoverTest", "{}").status == 200)
    #expect(await tenant.send(.post, "\(Self.vpg)/FailoverTestStop", "{}").status == 200)
  }

  @Test func `nothing of anybody else's is there for a tenant`() async throws {
    let (tenant, _) = try await clients(owning: false)
    for path in Self.lists { #expect(await tenant.get(path).items?.isEmpty == true, "\(path)") }
    for path in Self.objects { #expect(await tenant.send(.get, path).status == 404, "\(path)") }
    for name in ["FailoverTest", "FailoverTestStop"] {
      let refused = await tenant.send(.post, "\(Self.vpg)/\(name)", "{}")
      // As for a VPG that is not there, whatever the body.
      #expect(refused.status == 404)
      #expect(await tenant.send(.post, "\(Self.vpg)/\(name)", "{").status == 404)
    }
    #expect(await tenant.site.operations.isEmpty)
  }

  @Test func `what is about VPGs of others too, or about the site, is not a tenant's`() async throws
  {
    let (tenant, _) = try await clients(owning: true)
    let own: Set = [FakeSite.vpg]
    let other = VPGIdentifier("6b1f2c0e-0000-4000-8000-0000000000ff")
    for (vpgs, isSeen) in [
      ([FakeSite.vpg], true), ([FakeSite.vpg, other], false), ([other], false), ([], false),
    ] {
      #expect(APICall.sees(vpgs, own) == isSeen)
      #expect(APICall.sees(vpgs, nil))
    }
    await tenant.site.setVPGCount(3)
    #expect(await tenant.get("/v1/vpgs").items?.count == 3)
  }

  @Test func `every other call is refused, and those that are not were thought about`() async throws
  {
    let (tenant, _) = try await clients(owning: true)
    let allowed = Resources.routes.filter { $0.confinement != .refused && !$0.isOpen }
    #expect(
      Set(allowed.filter { $0.method != .get }.map { "\($0.method) \($0.path)" }) == [
        "delete /v1/session", "post /v1/vpgs/{vpgIdentifier}/FailoverTest",
        "post /v1/vpgs/{vpgIdentifier}/FailoverTestStop",
      ]
    )
    let shown = Set(allowed.filter { $0.confinement != .harmless }.map(\.path))
    #expect(
      shown == [
        "/v1/vpgs", "/v1/vpgs/{vpgIdentifier}", "/v1/vpgs/{vpgIdentifier}/exposure",
        "/v1/vpgs/{vpgIdentifier}/checkpoints", "/v1/vpgs/{vpgIdentifier}/checkpoints/stats",
        "/v1/vpgs/{vpgIdentifier}/checkpoints/summary",
        "/v1/vpgs/{vpgIdentifier}/FailoverTest", "/v1/vpgs/{vpgIdentifier}/FailoverTestStop",
        "/v1/vms", "/v1/vms/{vmIdentifier}", "/v1/vms/{vmIdentifier}/pointsInTime",
        "/v1/vms/{vmIdentifier}/pointsInTime/stats", "/v1/tasks", "/v1/tasks/{taskIdentifier}",
        "/v1/events", "/v1/events/{eventIdentifier}", "/v1/alerts", "/v1/alerts/{alertIdentifier}",
      ]
    )
    // What is harmless names nothing, and has no parameter.
    #expect(!allowed.contains { $0.confinement == .harmless && $0.path.contains("{") })
    for route in Resources.routes where route.confinement == .refused {
      guard case .needs = route.access else { continue }
      let path = route.path.replacing("{vpgIdentifier}", with: FakeSite.vpg.rawValue)
      let status = await tenant.send(route.method, path, route.sample ?? "").status
      #expect(status == 403, "\(route.method) \(path)")
    }
    #expect(await tenant.site.operations.isEmpty)
  }

  @Test func `sessions are listed with their addresses, and end`() async throws {
    let (tenant, admin) = try await clients(owning: true)
    let path = "/v1/zsspsessions/\(tenant.token ?? "")"
    let shown = try #require(await admin.get("/v1/zsspsessions").items?.first?.object)
    #expect(shown["ZsspSessionIdentifier"]?.readText == tenant.token)
    #expect(shown["ZorgIdentifier"]?.readText == FakeSite.zorg.identifier)
    #expect(shown["ZorgUserName"]?.readText == "tess")
    #expect(
      shown["Url"]?.readText == "https://portal?zsspSessionIdentifier=\(tenant.token ?? "")"
    )
    #expect(await admin.get(path) == .object(shown))
    // An identifier is a token: who may only look does not get one.
    var viewer = admin
    await viewer.logOn("os:vic", as: .vpgOperator)
    #expect(await viewer.send(.get, "/v1/zsspsessions").status == 403)
    #expect(await admin.send(.delete, path).status == 200)
    #expect(await tenant.send(.get, "/v1/vpgs").status == 401)
    #expect(await admin.send(.get, path).status == 404)
    #expect(await admin.get("/v1/zsspsessions").items?.isEmpty == true)
    // A session that is no portal's is not ended this way.
    #expect(await admin.send(.delete, "/v1/zsspsessions/\(admin.token ?? "")").status == 404)
  }

  @Test func `a session dies after half an hour without a call, or with its own`() async throws {
    let (tenant, _) = try await clients(owning: true)
    tenant.clock.advance(by: .seconds(29 * 60))
    #expect(await tenant.send(.get, "/v1/vpgs").status == 200)
    tenant.clock.advance(by: .seconds(30 * 60))
    #expect(await tenant.send(.get, "/v1/vpgs").status == 401)
    let (other, _) = try await clients(owning: true)
    #expect(await other.send(.delete, "/v1/session").status == 200)
    #expect(await other.send(.get, "/v1/vpgs").status == 401)
  }

  @Test(arguments: [
    (#"{"ZsspAddress": "https://p"}"#, 400), (#"{"ZorgIdentifier": "\#(FakeSite.vpg)"}"#, 400),
    (#"{"ZorgIdentifier": "\#(FakeSite.vpg)", "ZsspAddress": "https://p"}"#, 404),
    (#"{"ZorgIdentifier": "\#(FakeSite.zorg.identifier)", "ZsspAddress": "javascript:x"}"#, 400),
    (
      #"{"ZorgIdentifier": "\#(FakeSite.zorg.identifier)", "ZsspAddress": "https://p", "#
        + #""LogoutRedirectUrl": "ftp://x"}"#, 400
    ),
  ])
  func `a session is for an organisation that is there, and web addresses`(
    body: String,
    status: Int
  ) async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.post, "/v1/zsspsessions", body).status == status)
  }
}
