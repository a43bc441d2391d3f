// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a live VM's journal goes to another host's appliance, and back, without a sync`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let second = SecondHost(bench: bench, site: bench.paris)
    let outcome: (any Error)?
    do {
      try await second.up()
      try await bench.waitUntilProtected(seconds: 90)
      let before = try await bench.sentStream()
      let point = try await bench.insertCheckpoint()
      let first = bench.paris.applianceName

      let there = try await bench.watchingGuest {
        try await bench.evacuate(first)
        try await bench.waitUntilProtected(seconds: 90)
      }
      #expect(there < 10, "the guest did not write for \(there) s")
      #expect(try await bench.journalCounts() == [0, 1])
      try await bench.checkUninterrupted(before, point)
      try await bench.compareDisks(port: SecondHost.controlPort)
      try await bench.checkTest(of: point, at: second)

      // A worker of the second appliance that starts anew has the journal, not only its heir.
      let supervisor = try #require(second.supervisor)
      try await bench.kill(try await bench.worker(under: supervisor))
      try await bench.waitUntilProtected(seconds: 90)

      let back = try await bench.watchingGuest {
        try await bench.evacuate(second.applianceName)
        try await bench.waitUntilProtected(seconds: 90)
      }
      #expect(back < 10, "the guest did not write for \(back) s")
      #expect(try await bench.journalCounts() == [1, 0])
      try await bench.checkUninterrupted(before, point)
      try await bench.compareDisks()
      outcome = nil
    } catch {
      outcome = error
    }
    try await second.down()
    if let outcome { throw outcome }
    try await bench.waitUntilProtected(seconds: 90)
    #expect(try await bench.leftovers().isEmpty)
  }
}

extension WithstandBench {
  /// Has all that an appliance of paris recovers recovered by another one.
  fileprivate func evacuate(_ appliance: String) async throws {
    try await ask(paris) { client in
      let task = try await client.begin("/vras/\(appliance)/changerecoveryvra/execute")
      try await client.waitForTask(task, seconds: 120)
    }
  }

  /// How many journals the first and the second appliance of paris have.
  fileprivate func journalCounts() async throws -> [Int] {
    var counts: [Int] = []
    for port in [LabSite.controlPort, SecondHost.controlPort] {
      let status = try await control(paris, port: port, "GET", "/v1/status")
      counts.append(status["journals"].elements.count)
    }
    return counts
  }

  /// The stream's order never ended, nothing was synced, and an earlier point is there.
  fileprivate func checkUninterrupted(_ before: JSON, _ point: DemoPoint) async throws {
    let stream = try await sentStream()
    #expect(stream["generation"] == before["generation"])
    #expect(stream["sync"] == before["sync"])
    #expect(stream["syncReadByteCount"] == before["syncReadByteCount"])
    #expect(try await checkpoints().contains(point.identifier))
  }

  /// Tests a failover to a point, which has to run at the second host.
  fileprivate func checkTest(of point: DemoPoint, at second: SecondHost) async throws {
    try await ask(paris) { client in
      let body: JSON = ["CheckpointIdentifier": .text(point.identifier)]
      try await client.perform("/vpgs/\(vpg)/FailoverTest", body, seconds: 180)
      let name = "\(Self.vmName) - testing recovery"
      #expect(try await second.virsh(["list", "--name"]).contains(name))
      let stop: JSON = ["FailoverTestSuccess": true]
      try await client.perform("/vpgs/\(vpg)/FailoverTestStop", stop, seconds: 180)
      #expect(try await !second.virsh(["list", "--all", "--name"]).contains(name))
    }
  }
}
