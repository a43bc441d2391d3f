// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import Manager
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// What commands of operators say.
@Suite struct ClientCommandTests {
  /// Runs a command that logs on for itself.
  private func run(
    _ arguments: [String],
    at manager: RunningManager
  ) async throws -> (status: Int32, output: String) {
    let login = [
      "--user", RunningManager.user, "--url", "\(manager.url)/v1", "--authority",
      manager.configuration.authorityFolder + "/authority.pem",
    ]
    let script = #"echo "$1" | { shift; "$@" 2>&1; }"#
    return try await execute(
      "/bin/sh",
      ["-c", script, "sh", RunningManager.password, productPath] + arguments + login
    )
  }

  @Test(
    .timeLimit(.minutes(2)),
    arguments: [
      (["vpg", "restore", "web", "--vm", "nope"], "Error: The VPG has no VM “nope” (web1).\n"),
      (
        ["point", "diff", "--vm", "nope", "--from", "1", "--to", "2"],
        "Error: There is no protected VM “nope”.\n"
      ),
      (
        ["retention", "restore", "s1", "--vm", "nope"],
        "Error: No retention set has a VM “nope”.\n"
      ),
    ]
  )
  func `a VM that is not there is named, and no usage of anything else is shown`(
    command: [String],
    words: String
  ) async throws {
    try await RunningManager.run(filled: FilledSite(name: "london")) { manager in
      let (status, output) = try await run(command, at: manager)
      #expect(status != 0 && output == words, "\(output)")
    }
  }

  @Test func `a VM that is recovered elsewhere is restored from retention sets there`()
    async throws
  {
    var site = FilledSite(name: "london")
    site.recoverySite = SiteIdentifier("paris")
    try await RunningManager.run(filled: site) { manager in
      let (status, output) = try await run(
        ["retention", "restore", "s1", "--vm", "web1"],
        at: manager
      )
      #expect(status != 0 && output.contains("recovery site, paris: ask the manager there."))
    }
  }

  @Test func `a folder a report cannot be saved to is named in words`() async throws {
    try await RunningManager.run(filled: FilledSite(name: "london")) { manager in
      let (status, output) = try await run(
        ["report", "save", FilledSite.recovery, "--to", "/nonexistent"],
        at: manager
      )
      #expect(status != 0 && output.contains("/nonexistent/recovery-"))
      #expect(!output.contains("UserInfo") && !output.contains("NSCocoaErrorDomain"), "\(output)")
    }
  }

  @Test func `an event of a deleted VPG says so where its name would be`() async throws {
    try await RunningManager.run(filled: FilledSite(name: "london")) { manager in
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(
        EventRecord(
          identifier: UUID().uuidString.lowercased(),
          kind: .removeVPG,
          occurred: .init(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)),
          description: "It was removed.",
          succeeded: true,
          userName: "ann",
          vpgs: [VPGIdentifier(UUID().uuidString.lowercased())],
          site: manager.configuration.siteIdentifier
        )
      )
      let (_, output) = try await run(["event", "--hours", "1"], at: manager)
      let line = output.split(separator: "\n").first { $0.contains("It was removed.") }
      #expect(line?.contains("(deleted)") == true, "\(output)")
    }
  }

  @Test func `why a site does not answer is told in the system's words`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      let body = """
        {"HostName": "127.0.0.1", "Port": \(try FreePort().number),
         "Token": "\(PairingToken().text)"}
        """
      let task = try await manager.send("POST", "/v1/peersites", body: body, session: session)
      let outcome = try await manager.outcome(ofTask: task.text, session: session)
      #expect(outcome.contains("does not answer: Connection refused\""), "\(outcome)")
      for word in ["errno", "descriptor", "(error set)"] { #expect(!outcome.contains(word)) }
    }
  }
}
