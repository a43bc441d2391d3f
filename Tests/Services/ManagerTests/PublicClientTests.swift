// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import Testing

/// Clients that others wrote, as they are, and a tool that calls everything with whatever the
/// OpenAPI document allows, against a whole manager over HTTPS.
@Suite(.serialized) struct PublicClientTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../..").standardized

  @Test func `zertoapl logs on and reads everything it knows`() async throws {
    let python = try await Self.clients() + "/bin/python"
    // It knows no other port than 9669, so the manager has an address of its own.
    let address = "127.83.\(Int.random(in: 1...250)).\(Int.random(in: 1...250))"
    try await RunningManager.run(listen: (address, 9669)) { manager in
      let result = try await execute(
        python,
        [
          Self.root.appending(path: "Tests/Clients/zertoapl_calls.py").path, address,
          RunningManager.user, RunningManager.password,
        ]
      )
      #expect(result.status == 0, "\(result.output)")
    }
  }

  @Test func `zvma10-api-wrapper logs on and reads everything it knows`() async throws {
    let python = try await Self.clients() + "/bin/python"
    try await RunningManager.run { manager in
      let port = try #require(URL(string: manager.url)?.port)
      let result = try await execute(
        python,
        [
          Self.root.appending(path: "Tests/Clients/zvma10_calls.py").path, "127.0.0.1",
          "\(port)", RunningManager.user, RunningManager.password,
        ]
      )
      #expect(result.status == 0, "\(result.output)")
    }
  }

  @Test func `nothing the OpenAPI document allows gets an answer that it does not`() async throws {
    let program = try await Self.clients() + "/bin/schemathesis"
    let filled = FilledSite(name: "london")
    try await RunningManager.run(filled: filled) { manager in
      let session = try await manager.logOn()
      for path in filled.paths(manager.configuration.siteIdentifier) {
        let answer = try await manager.send("GET", path, session: session)
        #expect(answer.status == 200, "\(path)")
      }
      // Calls name what there is; of what there is nothing, the tool makes names up.
      let names = filled.parameters(manager.configuration.siteIdentifier)
      let file = manager.configuration.stateFolder + "/schemathesis.toml"
      try Self.settings(names).write(toFile: file, atomically: true, encoding: .utf8)
      let result = try await execute(
        program,
        [
          "--config-file", file, "run", "\(manager.url)/swagger/v1/swagger.json", "--tls-verify",
          "false",
          "-H", "x-zerto-session: \(session)",
          "--phases", Self.setting("API_PHASES") ?? "examples,fuzzing",
          "--checks",
          "not_a_server_error,status_code_conformance,content_type_conformance,"
            + "response_schema_conformance",
          // The session must outlive the run.
          "--exclude-path", "/v1/session", "--request-timeout", "10", "--seed", "1",
          "--max-examples", Self.setting("API_EXAMPLES") ?? "3",
          "--continue-on-failure", "--no-color", "--suppress-health-check", "all",
          "--warnings", "off",
        ]
      )
      #expect(result.status == 0, "\(result.output.suffix(20_000))")
      #expect(try await manager.send("GET", "/v1/vpgs", session: session).status == 200)
    }
  }

  /// What the tool is told of the names there are.
  private static func settings(_ names: [String: String]) -> String {
    "[parameters]\n"
      + names.sorted { $0.key < $1.key }.map { "\"path.\($0.key)\" = \"\($0.value)\"\n" }.joined()
  }

  /// How long the run is; `scripts/fuzz-api` makes a long one.
  private static func setting(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }

  /// The folder the clients are installed in; they are installed if they are not.
  private static func clients() async throws -> String {
    let result = try await execute(root.appending(path: "scripts/install-clients").path, [])
    try #require(result.status == 0, "\(result.output)")
    let line = result.output.split(separator: "\n").last.map(String.init)
    return try #require(line)
  }
}
