// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel

/// `understudy manager` of a ``BigSite``, whose hypervisor does not answer.
struct ManagerProcess {
  let site: BigSite
  let url: String
  /// What a client sends with each call.
  let sessionHeader: String
  let figures: ProcessFigures

  /// Fills a store, starts the manager on it, waits until it answers and logs on.
  init(eventCount: Int, stage: Stage) async throws {
    let state = stage.path("state")
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    let site = try await BigSite(
      path: state + "/manager.sqlite",
      eventCount: eventCount,
      stage: stage
    )
    self.site = site
    let port = try Machine.freePort()
    url = "https://127.0.0.1:\(port)"
    let configuration: [String: Any] = [
      "siteIdentifier": BigSite.identifier.rawValue, "siteName": "Data centre", "location": "",
      "stateFolder": state, "listenHost": "127.0.0.1", "listenPort": port,
      "peerHost": "127.0.0.1", "peerPort": try Machine.freePort(),
      "advertisedHost": "127.0.0.1",
      "hypervisorURI": "qemu+unix:///system?socket=\(state)/none",
      "identityFolder": stage.path("identity"), "authorityFolder": stage.path("authority"),
      "appliances": [Any](), "pamService": "understudy", "allowsKVM": false,
    ]
    let file = stage.path("manager.json")
    try JSONSerialization.data(withJSONObject: configuration).write(to: URL(filePath: file))
    let program = try stage.start(Machine.understudy, ["manager", "--config", file])
    figures = ProcessFigures(identifier: program.identifier)
    let answers = stage.path("log-on")
    let call = [
      "-sk", "-X", "POST", "-u", "\(BigSite.user.name):\(BigSite.user.password)",
      "-H", "Content-Type: application/json", "-d", #"{"AuthenticationMethod": 1}"#,
      "-o", "/dev/null", "-D", answers, url + "/v1/session/add",
    ]
    var token: String?
    try await waitUntil("the manager logs on", seconds: 60) {
      guard (try? Program.run("curl", call, stage: stage)) != nil else { return false }
      token = Self.token(in: try String(contentsOfFile: answers, encoding: .utf8))
      return token != nil
    }
    sessionHeader = "x-zerto-session: \(token ?? "")"
  }

  private static func token(in headers: String) -> String? {
    for line in headers.split(whereSeparator: \.isNewline) {
      let halves = line.split(separator: ":", maxSplits: 1)
      if halves.count == 2, halves[0].lowercased() == "x-zerto-session" {
        return halves[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }
}
