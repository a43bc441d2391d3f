// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// The VPG is deleted with its recovery volumes kept, and made again of them.
  @Test func `a VPG made of the volumes of an earlier one sends what was written since`()
    async throws
  {
    let before = try await WithstandBench.ready()
    let replicas = try await before.replicas()
    try await before.deleteVPG(keepsVolumes: true)
    for path in replicas.values { #expect(FileManager.default.fileExists(atPath: path)) }
    let began = ContinuousClock.now
    let vpg = try await before.tell { story in
      try await story.createVPG(preseeds: replicas)
    }
    let bench = WithstandBench(
      lab: before.lab,
      london: before.london,
      paris: before.paris,
      vpg: vpg
    )
    try await bench.waitUntilProtected(seconds: 120)
    let stream = try await bench.sentStream()
    let sent = try #require(stream["sentByteCount"].int)
    let read = try #require(stream["syncReadByteCount"].int)
    print("preseed: \(sent) bytes sent, \(read) read, in \(began.duration(to: .now))")
    #expect(sent < 8 << 20 && sent < read / 4)
    #expect(try await bench.replicas() == replicas)
    try await bench.compareDisks()

    // Deleted with its volumes, it takes those it was made of; the next one is as the first was.
    try await bench.deleteVPG(keepsVolumes: false)
    for path in replicas.values { #expect(!FileManager.default.fileExists(atPath: path)) }
    let last = try await bench.tell { story in try await story.createVPG() }
    try await WithstandBench(lab: bench.lab, london: bench.london, paris: bench.paris, vpg: last)
      .waitUntilProtected(seconds: 120)
  }
}

extension WithstandBench {
  func deleteVPG(keepsVolumes: Bool) async throws {
    try await ask(london) { client in
      let answer = try await client.delete(
        "/vpgs/\(vpg)",
        ["KeepRecoveryVolumes": .bool(keepsVolumes)]
      )
      try await client.waitForTask(client.task(of: answer, "DELETE /vpgs"), seconds: 60)
    }
  }

  /// The files of the VM's replicas, by the disks' identifiers.
  func replicas() async throws -> [String: String] {
    let journal = try #require(
      try await control(paris, "GET", "/v1/status")["journals"].elements.first
    )
    var found: [String: String] = [:]
    for file in journal["files"].elements where file["kind"].text == "replica" {
      if let name = file["name"].text { found[name] = file["path"].text }
    }
    #expect(found.count == 2)
    return found
  }
}
