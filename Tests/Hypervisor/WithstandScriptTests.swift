// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `scripts that hang are ended in time with all they started, and hold nothing up`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    // Nobody else sleeps for that long, so that whatever is left can be told.
    let mark = "\(Int.random(in: 100_000...999_999)).5"
    try bench.keepScript("hangs.sh", "#!/bin/sh\nsetsid sleep \(mark) &\nexec sleep \(mark)\n")
    try await bench.change("scripting") { tree in
      for script in ["PreRecovery", "PostRecovery"] {
        tree[script] = ["Command": "hangs.sh", "Parameters": "", "TimeoutInSeconds": 2]
      }
    }
    let ended = "its 2 seconds were up"

    // Before a test it decides.
    let test = try await bench.outcome(of: "FailoverTest")
    #expect(!test.succeeded)
    #expect(test.words.contains("pre-recovery script") && test.words.contains(ended))
    #expect(try await bench.processes(sleeping: mark) == "")
    #expect(try await bench.leftovers().isEmpty)

    // A failover goes on, and a rollback is complete before its script begins.
    let point = try await bench.insertCheckpoint()
    let failover = try await bench.outcome(
      of: "Failover",
      [
        "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
      ]
    )
    #expect(failover.succeeded)
    #expect(failover.words.split(separator: ended).count == 3, "\(failover.words)")
    #expect(try await bench.placesOfVM() == ["paris"])
    try await bench.checkRecoveredVM(at: point)
    let rollback = try await bench.outcome(of: "FailoverRollback")
    #expect(rollback.succeeded)
    #expect(rollback.words.contains(ended))
    #expect(try await bench.processes(sleeping: mark) == "")
    try await bench.checkReport(names: ended)

    try await bench.checkUndone()
    try await bench.change("scripting") { tree in
      for script in ["PreRecovery", "PostRecovery"] { tree[script]["Command"] = .null }
    }
  }
}

extension WithstandBench {
  /// Puts a script into the repository of paris.
  func keepScript(_ name: String, _ text: String) throws {
    let folder = paris.managerFolder + "/state/scripts/repository"
    let files = FileManager.default
    try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/\(name)")
  }

  /// What sleeps for that long.
  fileprivate func processes(sleeping mark: String) async throws -> String {
    try await Program.run(["sh", "-c", "pgrep -fx 'sleep \(mark)' || true"])
  }

  /// Checks that the newest report of a failover says how its three scripts ended.
  fileprivate func checkReport(names words: String) async throws {
    try await ask(paris) { client in
      let report = try #require(
        try await client.get("/reports/recovery?recoveryType=Failover").elements.first
      )
      let identifier = try #require(report["RecoveryOperationIdentifier"].text, "\(report)")
      let evidence = try await client.get("/reports/recovery/\(identifier)/evidence")
      #expect("\(evidence)".split(separator: words).count > 3, "\(evidence)")
    }
  }
}
