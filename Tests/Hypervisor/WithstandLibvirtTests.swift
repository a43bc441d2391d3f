// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// The arguments are how far the failover is when libvirtd dies, in percent.
  @Test(arguments: [24, 49])
  func `a failover in which libvirtd is killed ends with one VM and nothing left over`(
    percent: Int
  ) async throws {
    let bench = try await WithstandBench.ready()
    let point = try await bench.insertCheckpoint()
    let failover = try await bench.outcome(
      of: "Failover",
      [
        "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
      ]
    ) { client, task in
      _ = try await Waiting.until(seconds: 60, every: .milliseconds(10)) {
        try await client.get("/tasks/\(task)")["Status"]["Progress"].int ?? 0 >= percent
      }
      try await bench.kill(try bench.libvirtd(of: bench.paris))
      try await bench.libvirt(of: bench.paris).daemon.start()
    }
    print("libvirtd killed at \(percent) %: \(failover)")
    // Either it went on, or it was undone and says why.
    if failover.succeeded {
      #expect(try await bench.placesOfVM() == ["paris"])
      try await bench.checkRecoveredVM(at: point)
      #expect(try await bench.outcome(of: "FailoverRollback").succeeded)
    } else {
      #expect(!failover.words.isEmpty)
    }
    try await bench.checkUndone()
  }
}

extension WithstandBench {
  func libvirt(of site: LabSite) -> SiteLibvirt { SiteLibvirt(site: site, allowsKVM: false) }

  func libvirtd(of site: LabSite) throws -> Int32 {
    try #require(libvirt(of: site).daemon.processIdentifier)
  }
}
