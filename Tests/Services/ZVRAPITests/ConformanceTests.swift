// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZVRAPI

@Suite struct ConformanceTests {
  let description: APIDescription

  init() throws { description = try APIDescription() }

  /// What stands for a path's parameters.
  private static let values = [
    "siteIdentifier": "\(FakeSite.paris)", "hostIdentifier": "\(FakeSite.host)",
    "vraIdentifier": "9007199254740993", "vpgIdentifier": "\(FakeSite.vpg)",
    "vmIdentifier": "\(FakeSite.web)", "nicIdentifier": "Network adapter 1",
    "volumeIdentifier": "scsi:0:0", "taskIdentifier": "\(FakeSite.task)",
    "eventIdentifier": FakeSite.event, "alertIdentifier": FakeSite.alert,
  ]

  /// Bodies of the calls that need one.
  private static let bodies = [
    "/v1/vpgs/{vpgIdentifier}/checkpoints": #"{"CheckpointName": "x"}"#,
    "/v1/peersites": #"{"HostName": "h", "Port": 9081, "Token": "t"}"#,
    "/v1/peersites/pair": #"{"HostName": "h", "Port": 9081, "Token": "t"}"#,
    "/v1/vpgSettings/copyVpgSettings": #"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#,
    "/v1/vpgSettings/{vpgSettingsIdentifier}/vms": #"{"VmIdentifier": "\#(FakeSite.app)"}"#,
  ]

  private func paths(of operation: APIObject, settings: String) throws -> [String] {
    let pattern = try #require(operation["path"]?.readText)
    var path = pattern
    var inOrder: [String] = []
    for segment in pattern.split(separator: "/") where segment.hasPrefix("{") {
      let name = String(segment.dropFirst().dropLast())
      let value = name == "vpgSettingsIdentifier" ? settings : Self.values[name] ?? name
      path.replace("{\(name)}", with: value)
      inOrder.append(value)
    }
    let others = (operation["alsoRequestedAs"]?.items ?? []).compactMap(\.readText).map { text in
      inOrder.reduce(text) { $0.replacing("{}", with: $1, maxReplacements: 1) }
    }
    return [path] + others
  }

  @Test func `every served call answers exactly what its schema says`() async throws {
    #expect(description.operations.count > 90)
    for operation in description.operations {
      let pattern = try #require(operation["path"]?.readText)
      let method = try #require(
        operation["method"]?.readText.flatMap(APIRequest.Method.init(rawValue:))
      )
      guard pattern != "/v1/session/add" else { continue }
      for index in 0..<(1 + (operation["alsoRequestedAs"]?.items?.count ?? 0)) {
        let client = await APIClient.loggedOn()
        let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
        let identifier = settings.split(separator: "/").last.map(String.init) ?? ""
        let path = try paths(of: operation, settings: identifier)[index]
        let answer = await client.send(method, path, Self.bodies[pattern] ?? "")
        #expect(answer.status == 200, "\(method) \(path): \(answer.body)")
        let differences = description.differences(of: answer.body, from: operation)
        #expect(differences.isEmpty, "\(method) \(path)")
      }
    }
  }

  @Test func `every call that needs a session is refused without one`() async throws {
    let client = APIClient()
    for operation in description.operations where operation["auth"] == .string("session") {
      let method = try #require(
        operation["method"]?.readText.flatMap(APIRequest.Method.init(rawValue:))
      )
      for path in try paths(of: operation, settings: "x") {
        let response = await client.respond(method, path, "{}")
        #expect(response.status == 401 && response.isChallenge, "\(method) \(path)")
      }
    }
  }

  @Test func `every listing has the published names at their numbers`() async throws {
    let client = await APIClient.loggedOn()
    for operation in description.operations {
      guard let name = operation["listing"]?.readText,
        let path = operation["path"]?.readText
      else { continue }
      let expected = try #require(description.enumerations[name]?.items)
      let names = try #require(await client.get(path).items)
      #expect(names.count == expected.count, "\(path)")
      for (name, published) in zip(names, expected) where published != .null {
        #expect(name == published, "\(path)")
      }
      #expect(Set(names.compactMap(\.readText)).count == names.count, "\(path)")
    }
  }

  @Test func `a missing, a null and an unknown member are noticed`() throws {
    let operation = try #require(
      description.operations.first { $0["path"] == .string("/v1/localsite") }
    )
    let value = APIValue.object("", ["SiteIdentifier": .null, "Extra": .null])
    let differences = description.differences(of: value, from: operation)
    #expect(differences.contains(".SiteIdentifier is null"))
    #expect(differences.contains(".SiteName is missing"))
    #expect(differences.contains(".Extra is unknown"))
  }
}
