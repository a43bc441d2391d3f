// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

@Suite struct CatalogueCallTests {
  @Test func `a licence key is kept, read and removed, and blocks nothing`() async throws {
    let client = await APIClient.loggedOn()
    func key() async -> APIValue? {
      await client.get("/v1/license").object?.value("Details", "LicenseKey")
    }
    #expect(await key() == .null)
    #expect(await client.send(.put, "/v1/license", #"{"LicenseKey": " ABC-1 "}"#).status == 200)
    #expect(await key() == .string("ABC-1"))
    for bad in ["{}", #"{"LicenseKey": "a b"}"#, "{\"LicenseKey\": \"\u{e4}\"}"] {
      #expect(await client.send(.put, "/v1/license", bad).status == 400, "\(bad)")
    }
    #expect(await key() == .string("ABC-1"))
    #expect(await client.send(.delete, "/v1/license").status == 200)
    #expect(await key() == .null)
    #expect(await client.send(.get, "/v1/vpgs").status == 200)
  }

  @Test func `service profiles have spans, and are those of one site`() async throws {
    let client = await APIClient.loggedOn()
    let profile = try #require(await client.get("/v1/serviceprofiles").items?.first?.object)
    #expect(profile["Rpo"] == .string("00:00:10"))
    #expect(profile["History"] == .string("2.00:00:00"))
    #expect(await client.get("/v1/serviceprofiles?Site=\(FakeSite.london)").items?.count == 1)
    #expect(await client.get("/v1/serviceprofiles?site=\(FakeSite.paris)").items?.count == 0)
    #expect(await client.send(.get, "/v1/serviceprofiles?site=x").status == 404)
  }

  @Test func `the server's time comes in all forms`() async throws {
    let client = await APIClient.loggedOn()
    let root = "/v1/serverDateTime"
    #expect(await client.get("\(root)/ServerDateTimeUTC") == .string("2024-05-06T07:08:09.123Z"))
    for text in ["2024-05-06T07:08:09.123Z", "1714979289123", "2024-05-06T09:08:09.123%2B0200"] {
      let answer = await client.get("\(root)/dateTimeArgument?dateTime=\(text)")
      #expect(answer == .string("2024-05-06T07:08:09.123Z"), "\(text)")
    }
    #expect(await client.send(.get, "\(root)/dateTimeArgument?dateTime=soon").status == 400)
    // A client asks for the argument's form without one.
    #expect(await client.get("\(root)/dateTimeArgument") == .string("2024-05-06T07:08:09.123Z"))
  }

  @Test(arguments: [
    ("CloneStart", #"{"CheckpointId": "7"}"#, 404, "no checkpoint 7"),
    ("CloneStart", #"{"VmIdentifiers": ["x"]}"#, 404, "no VM x"),
    ("Clonestart", #"{"DatastoreIdentifier": "x"}"#, 404, "no datastore x"),
  ])
  func `what a clone names and is not there is refused by name`(
    action: String,
    body: String,
    status: Int,
    text: String
  ) async {
    let client = await APIClient.loggedOn()
    let answer = await client.send(.post, "/v1/vpgs/\(FakeSite.vpg)/\(action)", body)
    #expect(answer.status == status)
    #expect(answer.body.object?["Message"]?.readText?.contains(text) == true, "\(answer.body)")
    #expect(await client.send(.post, "/v1/vpgs/x/\(action)", body).status == 404)
    #expect(await client.site.operations.isEmpty)
  }

  @Test func `unknown things are 404, whatever else is missing`() async {
    let client = await APIClient.loggedOn()
    for (method, path, body) in [
      (APIRequest.Method.post, "/v1/flrs", #"{"jflr": {"VmIdentifier": "x"}}"#),
      (.post, "/v1/vms/x/Restore", "{}"), (.post, "/v1/vms/x/RestoreCommit", #""y""#),
      (.get, "/v1/vms/x/pointsInTime", ""), (.post, "/v1/ltr/vpgs/x/retentionstart", "{}"),
      (.post, "/v1/vras", #"{"HostIdentifier": "x"}"#), (.put, "/v1/vras/x", "{}"),
      (.get, "/v1/virtualizationsites/x/devices", ""), (.get, "/v1/zorgs/x", ""),
      (.get, "/v1/virtualizationsites/x/publicCloud/subnets", ""),
    ] {
      #expect(await client.send(method, path, body).status == 404, "\(method) \(path)")
    }
  }
}
