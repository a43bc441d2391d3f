// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import RecoveryModel
import Testing

@testable import Lab
@testable import ZVRAPI
@testable import ZVRAPITests

extension LabTests.Withstand {
  @Test func `every reading call does what was published at sites that protect and recover`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let published = try PublishedAPI()
    // Something to report: a recovery operation, with its task and events.
    try await bench.ask(bench.paris) { client in
      try await client.perform("/vpgs/\(bench.vpg)/FailoverTest", seconds: 120)
      try await client.perform("/vpgs/\(bench.vpg)/FailoverTestStop", seconds: 120)
    }
    var served: [String: Set<String>] = [:]
    for site in [bench.london, bench.paris] {
      let walk = try await LabWalk(site)
      for operation in published.operations where operation["method"] == .string("GET") {
        let pattern = operation["path"]?.readText ?? ""
        guard let status = try await walk.check(operation, at: pattern, against: published) else {
          continue
        }
        if status == 200 { served[site.name, default: []].insert(pattern) }
      }
      try await walk.end()
    }
    for site in [bench.london, bench.paris] {
      let count = served[site.name]?.count ?? 0
      print("conformance in the lab: \(count) calls at \(site.name)")
      #expect(count >= 120, "\(site.name)")
    }
  }
}

/// The reading calls of the published API at one site of a lab, with what the site has.
private struct LabWalk {
  private let site: LabSite
  private let session: String
  /// What stands for a path's parameters.
  private let values: [String: String]

  init(_ site: LabSite) async throws {
    self.site = site
    session = try await RawCall.logOn(to: site)
    values = try await Self.values(of: site, session)
  }

  /// Asks in JSON and in XML.
  ///
  /// Returns the status; nil if the site has nothing the path could name.
  func check(
    _ operation: APIObject,
    at pattern: String,
    against published: PublishedAPI
  ) async throws -> Int? {
    guard let path = path(pattern) else { return nil }
    let answer = try await ask(path, accept: "application/json")
    guard answer.status == 200 else {
      #expect([400, 404].contains(answer.status), "\(path): \(answer.status)")
      return answer.status
    }
    guard operation["kind"] != .string("html"), operation["kind"] != .string("binary") else {
      return 200
    }
    let value = try JSONReader.read(answer.body)
    let differences = published.differences(of: value, from: operation)
    #expect(differences.isEmpty, "\(site.name) \(path): \(differences.prefix(5))")
    let inXML = try await ask(path, accept: "application/xml")
    #expect(inXML.status == 200, "\(path) in XML")
    let root = try #require(Element.root(of: inXML.body), "\(path) is not well-formed")
    let others = published.differences(ofXML: root, from: operation)
    #expect(others.isEmpty, "\(site.name) \(path) in XML: \(others.prefix(5))")
    return 200
  }

  /// Drops what the walk made.
  func end() async throws {
    for path in ["/vpgSettings/\(values["vpgSettingsIdentifier"] ?? "")", "/session"] {
      _ = try await RawCall("DELETE", path, gives: 200).send(to: site, session: session)
    }
  }

  private func path(_ pattern: String) -> String? {
    var path = pattern
    for segment in pattern.split(separator: "/") where segment.hasPrefix("{") {
      let name = String(segment.dropFirst().dropLast())
      let isPeer = pattern.hasPrefix("/v1/peersites/")
      guard let value = values[isPeer ? "peer" : name] else { return nil }
      path.replace("{\(name)}", with: value)
    }
    return path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed).map {
      $0 + (Self.queries[pattern] ?? "")
    }
  }

  private static let queries = ["/v1/serverDateTime/dateTimeArgument": "?dateTime=2024-05-06"]

  private func ask(_ path: String, accept: String) async throws -> (status: Int, body: [UInt8]) {
    let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: file) }
    let server = site.url.replacing("/v1", with: "")
    let status = try await Program.run([
      "curl", "--silent", "--noproxy", "*", "--cacert", site.authorityFile,
      "--header", "Accept: \(accept)", "--header", "x-zerto-session: \(session)",
      "--output", file.path, "--write-out", "%{http_code}", server + path,
    ])
    let body = (try? Data(contentsOf: file)).map { [UInt8]($0) } ?? []
    return (Int(status) ?? 0, body)
  }

  /// One identifier of each kind the site has.
  private static func values(
    of site: LabSite,
    _ session: String
  ) async throws -> [String: String] {
    let client = try await ZVMClient(loggingInTo: site)
    var values = ["siteIdentifier": site.identifier.rawValue, "resource": "vpgs"]
    func first(_ path: String, _ member: String) async throws -> String? {
      let value = try await client.get(path).elements.first?[member]
      return value?.text ?? value?.int.map(String.init)
    }
    do {
      for (name, path, member) in Self.listings(site) {
        values[name] = try await first(path, member)
      }
      let vm = values["vmIdentifier"] ?? ""
      values["timeStamp"] = try await client.get("/vms/\(vm)/pointsInTime").elements.first?[
        "Checkpoint"
      ]["TimeStamp"].text
      let body = #"{"VpgIdentifier": "\#(values["vpgIdentifier"] ?? "")"}"#
      let settings = try await RawCall("POST", "/vpgSettings", body, gives: 200)
        .send(to: site, session: session).body.trimmingCharacters(in: ["\"", "\n"])
      values["vpgSettingsIdentifier"] = settings
      let vms = "/vpgSettings/\(settings)/vms/\(vm)"
      for (name, path, member) in [
        ("nicIdentifier", "\(vms)/nics", "NicIdentifier"),
        ("volumeIdentifier", "\(vms)/volumes", "VolumeIdentifier"),
      ] {
        let answer = try await RawCall("GET", path, gives: 200).send(to: site, session: session)
        let items = try JSONReader.read(Array(answer.body.utf8)).items
        values[name] = items?.first?.object?[member]?.readText
      }
    } catch {
      await client.close()
      throw error
    }
    await client.close()
    return values
  }

  private static func listings(_ site: LabSite) -> [(String, String, String)] {
    let inventory = "/virtualizationsites/\(site.identifier)"
    return [
      ("peer", "/peersites", "SiteIdentifier"),
      ("hostIdentifier", "\(inventory)/hosts", "HostIdentifier"),
      ("vraIdentifier", "/vras", "VraIdentifier"),
      ("vpgIdentifier", "/vpgs", "VpgIdentifier"),
      ("vmIdentifier", "/vms", "VmIdentifier"),
      ("taskIdentifier", "/tasks", "TaskIdentifier"),
      ("eventIdentifier", "/events", "EventIdentifier"),
      ("datastoreIdentifier", "/datastores", "DatastoreIdentifier"),
      ("recoveryOperationIdentifier", "/reports/recovery", "RecoveryOperationIdentifier"),
    ]
  }
}
