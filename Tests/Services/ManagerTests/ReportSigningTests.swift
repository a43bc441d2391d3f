// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// Reports as an auditor files them.
@Suite struct ReportSigningTests {
  private static let report = RecoveryReport(
    identifier: "6b1f2c0e-0000-4000-8000-0000000000b1",
    kind: .failoverTest,
    vpg: VPGIdentifier("6b1f2c0e-0000-4000-8000-0000000000a1"),
    vpgName: "shop",
    protectedSiteName: "london",
    recoverySiteName: "paris",
    user: "ann",
    checkpoint: Checkpoint(
      identifier: CheckpointIdentifier(7),
      time: WallTime(milliseconds: 1_000_000),
      tag: ""
    ),
    began: WallTime(milliseconds: 1_004_000),
    recovered: WallTime(milliseconds: 1_010_000),
    ended: WallTime(milliseconds: 1_060_000),
    failure: "",
    notes: "",
    steps: [],
    machines: [],
    defaults: .init(hostName: "", datastoreName: "", networkName: "")
  )

  @Test func `the documented command accepts what was filed, and nothing that was changed`()
    async throws
  {
    try await Self.withSavedReport { folder, said in
      let page = "recovery-\(Self.report.identifier).html"
      let command = try Self.documentedCommand().replacing("REPORT.html", with: page)
      #expect(said.contains(command), "the command line says what the manual says: \(said)")

      let good = try await Self.shell("cd '\(folder)' && \(command)")
      #expect(good.status == 0, "\(good.output)")
      #expect(good.output.contains("Signature Verified Successfully"))

      let file = URL(filePath: folder).appending(path: page)
      let bytes = try Data(contentsOf: file)
      for place in [0, bytes.count / 2, bytes.count - 1] {
        var changed = bytes
        changed[place] ^= 1
        try changed.write(to: file)
        let bad = try await Self.shell("cd '\(folder)' && \(command)")
        #expect(bad.status != 0 && bad.output.contains("Failure"), "\(place): \(bad.output)")
      }
    }
  }

  @Test func `the key is certified by the site's authority`() async throws {
    try await RunningManager.run { manager in
      let folder = manager.configuration.stateFolder
      for (path, name) in [
        ("/ca.pem", "ca.pem"), ("/v1/reports/signingcertificate", "certificate.pem"),
        ("/v1/reports/signingkey", "key.pem"),
      ] {
        try await manager.send("GET", path).text
          .write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
      let certified = try await Self.shell(
        """
        cd '\(folder)' && openssl verify -CAfile ca.pem certificate.pem \
        && openssl x509 -in certificate.pem -noout -pubkey | diff - key.pem
        """
      )
      #expect(certified.status == 0, "\(certified.output)")
    }
  }

  /// Has the command line save the report of a running manager, and passes on where, and what it
  /// said.
  private static func withSavedReport(
    _ body: (_ folder: String, _ said: String) async throws -> Void
  ) async throws {
    try await RunningManager.run { manager in
      let state = manager.configuration.stateFolder
      let store = try SQLiteStore(path: state + "/manager.sqlite")
      try await store.save(report)
      try await store.close()
      let folder = state + "/filed"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let saved = try await shell(
        """
        echo '\(RunningManager.password)' | '\(productPath)' report save \(report.identifier) \
        --to '\(folder)' --user \(RunningManager.user) --url \(manager.url)/v1 \
        --authority '\(state)/authority.pem'
        """
      )
      try #require(saved.status == 0, "\(saved.output)")
      try await body(folder, saved.output)
    }
  }

  private static func shell(_ command: String) async throws -> (status: Int32, output: String) {
    try await execute("/bin/sh", ["-c", command])
  }

  /// The one line of the manual that verifies a file.
  private static func documentedCommand() throws -> String {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../docs/operating/reports.md")
    let line = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
      .map { $0.drop { $0 == " " } }.first { $0.hasPrefix("openssl pkeyutl -verify") }
    return String(try #require(line))
  }
}
