// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `the last good point is found by what files hold, and by scripts`() async throws {
    let bench = try await WithstandBench.ready()
    let shell = try LabShell(bench.paris)
    defer { shell.remove() }
    try await shell.logIn()

    // Two things go wrong in the guest, one after the other.
    try await bench.write("fine", to: "/vdb/orders")
    try await bench.write("healthy", to: "/vdb/state")
    let good = try await bench.insertCheckpoint().identifier
    try await bench.write("lost", to: "/vdb/orders")
    let half = try await bench.insertCheckpoint().identifier
    try await bench.write("encrypted", to: "/vdb/state")
    let bad = try await bench.insertCheckpoint().identifier
    let bounds = ["--oldest", good, "--newest", bad]

    // The script alone knows what the first one spoilt.
    try bench.keepScript(
      "orders.sh",
      #"""
      #!/bin/sh
      [ "$1" = fine ] && exec grep -qx "$1" "$UNDERSTUDY_FILES/web1/vdb/orders"
      exec [ "$UNDERSTUDY_CHECKPOINT" -lt "$1" ]
      """# + "\n"
    )
    let digest = try await Program.run(["sha256sum"], input: "healthy\n").prefix(64)
    let byFiles = try await bench.search(
      [
        "--file", "/vdb/orders", "--file-contains", "/vdb/state=ealth", "--file-sha256",
        "/vdb/state=\(digest)", "--script", "orders.sh", "--script-parameters", "fine",
      ] + bounds,
      by: shell
    )
    #expect((good..<half).contains(byFiles.good) && (byFiles.good...half).contains(byFiles.bad))
    let finding = byFiles.findings.joined(separator: "\n")
    #expect(finding.contains("orders.sh ended with status 0"), "\(finding)")
    #expect(finding.contains("/vdb/state of web1"), "\(finding)")

    // VMs are started for this one, and the script has them running.
    let byScript = try await bench.search(
      ["--agent", "--script", "orders.sh", "--script-parameters", half] + bounds,
      by: shell
    )
    #expect((good..<half).contains(byScript.good) && byScript.bad == half)
    #expect(try await bench.leftovers().isEmpty)
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// What a search came to.
  fileprivate struct Search {
    var good: String
    var bad: String
    var findings: [String]
  }

  /// Has the guest put a line into a file of its own, and onto its disk.
  fileprivate func write(_ line: String, to path: String) async throws {
    try await source.run("/bin/sh", ["-c", "echo \(line) >\(path); sync"])
  }

  /// Runs `understudy vpg bisect` to its end.
  fileprivate func search(_ options: [String], by shell: LabShell) async throws -> Search {
    try await shell.run(["vpg", "bisect", "web"] + options, input: "")
    let answer = try await ask(paris) { try await $0.get("/vpgs/\(vpg)/pointsearch") }
    return Search(
      good: try #require(answer["LastGood"]["CheckpointIdentifier"].text, "\(answer)"),
      bad: try #require(answer["FirstBad"]["CheckpointIdentifier"].text, "\(answer)"),
      findings: answer["Probes"].elements.compactMap { $0["Finding"].text }
    )
  }
}
