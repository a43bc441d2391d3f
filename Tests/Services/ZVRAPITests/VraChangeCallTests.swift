// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@testable import ZVRAPI

/// `/v1/vras`: what clients send, and what the site is asked for.
@Suite struct VraChangeCallTests {
  private static let vra = "/v1/vras/9007199254740993"
  private static let host = FakeSite.host.rawValue

  @Test(arguments: [
    // As the wrapper sends it, and as the SDK does.
    (
      "POST", "/v1/vras",
      #"{"HostIdentifier": "HOST", "MemoryInGb": 3, "GroupName": null, "HostRootPassword": null, "#
        + #""UsePublicKeyInsteadOfCredentials": true, "PopulatePostInstallation": false, "#
        + #""VraNetworkDataApi": {"VraIPConfigurationTypeApi": "Dhcp"}}"#,
      "install HOST - - 1"
    ),
    (
      "POST", "/v1/vras",
      #"{"hostIdentifier": "HOST", "memoryInGb": "3", "numOfCpus": 1, "groupName": "g", "#
        + #""populatePostInstallation": true, "vraNetworkDataApi": {"#
        + #""vraIPConfigurationTypeApi": "Static", "vraIPAddress": "10.1.1.2"}}"#,
      "install HOST 10.1.1.2 g 2"
    ),
    ("PUT", vra, #"{"GroupName": "g"}"#, "change vra1 g 0"),
    (
      "PUT", vra,
      #"{"GroupName": "g", "VraNetworkDataApi": {"VraIPConfigurationTypeApi": "Static", "#
        + #""VraIPAddress": "10.0.0.3"}, "MemoryInGb": 4}"#,
      "change vra1 g 1"
    ),
    ("DELETE", vra, "", "remove vra1"), ("POST", vra + "/upgrade", "", "upgrade vra1"),
    ("POST", "/v1/vras/upgrade", #"{"VraIdentifiers": ["9007199254740993"]}"#, "upgrade vra1"),
  ])
  func `a call becomes a wish, and answers its task`(
    method: String,
    path: String,
    body: String,
    wish: String
  ) async throws {
    let client = await APIClient.loggedOn()
    let answer = await client.send(
      try #require(APIRequest.Method(rawValue: method)),
      path,
      body.replacing("HOST", with: Self.host)
    )
    #expect(answer.status == 200 && answer.body.readText?.isEmpty == false, "\(answer)")
    #expect(await client.site.applianceWishes == [wish.replacing("HOST", with: Self.host)])
  }

  @Test(arguments: [
    ("POST", "/v1/vras", "{}", 400), ("POST", "/v1/vras", #"{"HostIdentifier": "x"}"#, 404),
    ("POST", "/v1/vras", #"{"HostIdentifier": "HOST", "DatastoreIdentifier": "x"}"#, 404),
    ("POST", "/v1/vras", #"{"HostIdentifier": "HOST", "MemoryInGb": 0}"#, 400),
    (
      "POST", "/v1/vras",
      #"{"HostIdentifier": "HOST", "VraNetworkDataApi": {"VraIPConfigurationTypeApi": 1}}"#, 400
    ),
    (
      "PUT", vra,
      #"{"VraNetworkDataApi": {"VraIPConfigurationTypeApi": "Static", "VraIPAddress": "10.9"}}"#,
      400
    ),
    ("PUT", "/v1/vras/7", "{}", 404), ("DELETE", "/v1/vras/7", "", 404),
    ("POST", "/v1/vras/7/upgrade", "", 404), ("POST", "/v1/vras/upgrade", "{}", 400),
    ("POST", "/v1/vras/upgrade", #"{"VraIdentifiers": ["7"]}"#, 404),
  ])
  func `what cannot be right changes nothing`(
    method: String,
    path: String,
    body: String,
    status: Int
  ) async throws {
    let client = await APIClient.loggedOn()
    let answer = await client.send(
      try #require(APIRequest.Method(rawValue: method)),
      path,
      body.replacing("HOST", with: Self.host)
    )
    #expect(answer.status == status, "\(answer)")
    #expect(await client.site.applianceWishes.isEmpty)
  }

  @Test func `what the site refuses is said`() async {
    let client = await APIClient.loggedOn()
    await client.site.refuse(.conflict("it is in use"))
    let answer = await client.send(.delete, Self.vra)
    #expect(answer.status == 409)
    #expect(answer.body.object?["Message"]?.readText == "it is in use")
  }
}
