// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  private static let nothing = "00000000-1111-2222-3333-444444444444"

  @Test func `what cannot be done is refused in words and changes nothing`() async throws {
    let bench = try await WithstandBench.ready()
    let vpg = "/vpgs/\(bench.vpg)"
    let calls =
      Self.strangers + Self.unknown + Self.malformed(vpg) + [
        RawCall("POST", "\(vpg)/FailoverTest", #"{"CheckpointIdentifier": "1"}"#, gives: 404),
        RawCall("POST", "\(vpg)/Failover", #"{"CheckpointIdentifier": "1"}"#, gives: 404),
        RawCall("POST", "\(vpg)/FailoverTestStop", "{}", gives: 409),
        RawCall("POST", "\(vpg)/FailoverCommit", "{}", gives: 409),
        RawCall("POST", "\(vpg)/FailoverRollback", "{}", gives: 409),
        RawCall("POST", "\(vpg)/resume", "{}", gives: 409),
      ]
    try await bench.checkRefused(calls)
  }

  /// Callers nobody knows.
  private static var strangers: [RawCall] {
    [
      RawCall("POST", "/session/add", session: "", credentials: "administrator:no", gives: 401),
      RawCall("POST", "/session/add", session: "", credentials: "nobody:no", gives: 401),
      RawCall("POST", "/session/add", session: "", gives: 401),
      RawCall("GET", "/vpgs", session: "", gives: 401),
      RawCall("POST", "/vpgSettings", "{}", session: "0123456789abcdef", gives: 401),
    ]
  }

  private static var unknown: [RawCall] {
    [
      RawCall("GET", "/vpgs/\(nothing)", gives: 404),
      RawCall("DELETE", "/vpgs/\(nothing)", "{}", gives: 404),
      RawCall("POST", "/vpgs/\(nothing)/Failover", "{}", gives: 404),
      RawCall("GET", "/vpgs/\(nothing)/checkpoints", gives: 404),
      RawCall("GET", "/vms/\(nothing)", gives: 404),
      RawCall("GET", "/vras/12345", gives: 404),
      RawCall("GET", "/tasks/\(nothing)", gives: 404),
      RawCall("GET", "/events/\(nothing)", gives: 404),
      RawCall("GET", "/peersites/\(nothing)", gives: 404),
      RawCall("GET", "/virtualizationsites/\(nothing)/vms", gives: 404),
      RawCall("GET", "/vpgSettings/\(nothing)", gives: 404),
      RawCall("POST", "/vpgSettings/\(nothing)/commit", "{}", gives: 404),
      RawCall("GET", "/nosuchthing", gives: 404),
      RawCall("PUT", "/vpgs", "{}", gives: 405),
    ]
  }

  private static func malformed(_ vpg: String) -> [RawCall] {
    [
      RawCall("POST", "/vpgSettings", #"{"Basic": {"#, gives: 400),
      RawCall("POST", "/peersites", "[1, 2", gives: 400),
      RawCall("POST", "\(vpg)/Failover", #"{"CommitPolicy": 2"#, gives: 400),
      RawCall("POST", "\(vpg)/Failover", #"{"CommitPolicy": 77}"#, gives: 400),
      RawCall("POST", "\(vpg)/Failover", #"{"VmIdentifiers": {"a": 1}}"#, gives: 400),
      RawCall("POST", "\(vpg)/FailoverTest", "\u{1}", gives: 400),
      RawCall("POST", "\(vpg)/checkpoints", "{}", gives: 400),
    ]
  }

  @Test func `a VPG of a VM that is protected is not made`() async throws {
    let bench = try await WithstandBench.ready()
    let vms = try await bench.ask(bench.london) { try await $0.get("/vms").elements }
    let isProtected = try #require(vms.first { $0["VmName"].text == WithstandBench.vmName })
    let vm = try #require(isProtected["VmIdentifier"].text)
    let session = try await RawCall.logOn(to: bench.london)
    let before = try await bench.standing()
    let settings = try await bench.settings(
      named: "second",
      vms: #"[{"VmIdentifier": "\#(vm)"}]"#,
      session: session
    )
    let path = "/vpgSettings/\(settings)"
    let answer = try await RawCall("POST", path + "/commit", "{}", gives: 400)
      .send(to: bench.london, session: session)
    #expect([400, 409].contains(answer.status), "\(answer.body)")
    let error = try JSONDecoder().decode(JSON.self, from: Data(answer.body.utf8))
    #expect(error["Message"].text?.isEmpty == false, "\(answer.body)")
    #expect(try await bench.standing() == before)
    for path in [path, "/session"] {
      _ = try await RawCall("DELETE", path, gives: 200).send(to: bench.london, session: session)
    }
  }

  @Test func `while a test or a failover runs no other begins`() async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    let vpg = "/vpgs/\(bench.vpg)"
    let begin = #"{"CheckpointIdentifier": "\#(point.identifier)"}"#
    let beginnings = ["FailoverTest", "Failover"].map {
      RawCall("POST", "\(vpg)/\($0)", begin, gives: 409)
    }
    func ends(_ names: String...) -> [RawCall] {
      names.map { RawCall("POST", "\(vpg)/\($0)", "{}", gives: 409) }
    }

    let body: JSON = ["CheckpointIdentifier": .text(point.identifier)]
    try await bench.whileUnderWay("\(vpg)/FailoverTest", body, refused: beginnings)
    try await bench.checkRefused(beginnings + ends("FailoverCommit", "FailoverRollback"))
    try await bench.whileUnderWay(
      "\(vpg)/FailoverTestStop",
      refused: ends("FailoverTestStop", "FailoverRollback")
    )

    var failover = body
    failover["CommitPolicy"] = 2
    failover["ShutdownPolicy"] = 2
    try await bench.whileUnderWay(
      "\(vpg)/Failover",
      failover,
      refused: beginnings + ends("FailoverCommit")
    )
    try await bench.checkRefused(
      beginnings + ends("FailoverTestStop", "pause") + [
        RawCall("POST", "\(vpg)/checkpoints", #"{"CheckpointName": "x"}"#, gives: 409),
        RawCall("DELETE", vpg, "{}", gives: 409),
      ]
    )
    try await bench.checkRecoveredVM(at: point)
    try await bench.whileUnderWay(
      "\(vpg)/FailoverRollback",
      refused: ends("FailoverRollback", "FailoverCommit")
    )
    #expect(try await bench.leftovers().isEmpty)
    #expect(try await bench.placesOfVM() == ["london"])
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// Checks at both sites that calls are refused and that nothing is different afterwards.
  fileprivate func checkRefused(_ calls: [RawCall]) async throws {
    let before = try await standing()
    for site in [london, paris] {
      let session = try await RawCall.logOn(to: site)
      for call in calls { try await call.checkRefused(by: site, session: session) }
      _ = try await RawCall("DELETE", "/session", gives: 200).send(to: site, session: session)
    }
    #expect(try await standing() == before)
  }

  /// Begins an operation, has calls refused at once, and waits for its end.
  fileprivate func whileUnderWay(
    _ path: String,
    _ body: JSON = [:],
    refused calls: [RawCall]
  ) async throws {
    let session = try await RawCall.logOn(to: paris)
    try await ask(paris) { client in
      let task = try await client.begin(path, body)
      for call in calls { try await call.checkRefused(by: paris, session: session) }
      try await client.waitForTask(task, seconds: 120)
    }
    _ = try await RawCall("DELETE", "/session", gives: 200).send(to: paris, session: session)
  }

  /// What there is and what was begun, at both sites: what a refused call must not change.
  fileprivate func standing() async throws -> [String] {
    var lines: [String] = []
    for site in [london, paris] {
      lines += try await ask(site) { client in
        let vpgs = try await client.get("/vpgs").elements.map {
          "\($0["VpgName"]) \($0["VpgIdentifier"]) \($0["Status"]) \($0["VmsCount"])"
        }
        // Of the other site's it hears a moment later.
        let tasks = try await client.get("/tasks").elements.compactMap { $0["TaskIdentifier"].text }
          .filter { $0.hasSuffix("\(site.identifier)") }
        let vms = try await client.get("/vms").elements.compactMap { $0["VmName"].text }
        let peers = try await client.get("/peersites").elements.compactMap {
          $0["PeerSiteName"].text
        }
        return vpgs + tasks.sorted() + vms.sorted() + peers
      }
      lines += try await lab.vmNames(at: site) + lab.runningVMNames(at: site).sorted()
    }
    return lines
  }

  /// Settings of a VPG from london to paris.
  ///
  /// - Returns: Their identifier.
  fileprivate func settings(
    named name: String,
    vms: String,
    session: String
  ) async throws -> String {
    let body = """
      {"Basic": {"Name": "\(name)",
        "ProtectedSiteIdentifier": "\(london.identifier)",
        "RecoverySiteIdentifier": "\(paris.identifier)"}, "Vms": \(vms)}
      """
    let answer = try await RawCall("POST", "/vpgSettings", body, gives: 200)
      .send(to: london, session: session)
    #expect(answer.status == 200, "\(answer.body)")
    return answer.body.trimmingCharacters(in: ["\"", "\n"])
  }
}
