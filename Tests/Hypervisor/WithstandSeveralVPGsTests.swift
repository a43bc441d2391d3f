// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a VM in two VPGs is whole at both, and stays in order in one when the other ends`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.makeSecondDatastore()
    let before = try await bench.stream()
    let here = try await bench.tell { story in
      try await story.createVPG(at: story.london, on: "datastore2", named: "web here")
    }
    // Both sites of the second VPG are london.
    let second = WithstandBench(
      lab: bench.lab,
      london: bench.london,
      paris: bench.london,
      vpg: here
    )
    do {
      try await second.waitUntilProtectedHere()
      try await bench.waitUntilProtected()
      // The one that came second took nothing from the first.
      let joined = try await bench.stream()
      #expect(joined["generation"] == before["generation"])
      try await bench.compareStillDisks(with: second)

      // A dead appliance ends both orders, and both come back by what was written.
      try await bench.waitUntilChangesAreKnown(count: 4)
      try await bench.kill(try await bench.worker(of: bench.london))
      try await bench.waitUntilProtected(seconds: 120)
      try await second.waitUntilProtectedHere()
      for one in [bench, second] {
        let read = try #require(try await one.stream()["syncReadByteCount"].int)
        #expect(read > 0 && read < 20 << 20, "\(read) bytes were read")
      }
      try await bench.compareStillDisks(with: second)
    } catch {
      try? await second.deleteVPG(keepsVolumes: false)
      throw error
    }
    let ordered = try await bench.stream()
    let pause = try await bench.watchingGuest { try await second.deleteVPG(keepsVolumes: false) }
    #expect(pause < 10, "the guest did not write for \(pause) s")
    try await bench.waitUntilProtected()
    let left = try await bench.stream()
    #expect(left["generation"] == ordered["generation"] && left["sync"] == ordered["sync"])
    #expect(try await bench.streams().count == 1)
    try await bench.compareDisks()
  }
}

extension WithstandBench {
  fileprivate func streams() async throws -> [JSON] {
    try await control(london, "GET", "/v1/status")["streams"].elements
  }

  /// The VPG's stream, as its sender sees it.
  fileprivate func stream() async throws -> JSON {
    try #require(try await streams().first { $0["vpg"].text == vpg })
  }

  /// Compares the VM's disks with what both VPGs have of them, while the guest stands still.
  fileprivate func compareStillDisks(with other: WithstandBench) async throws {
    _ = try await source.libvirt.virsh(["suspend", Self.vmName])
    let outcome: (any Error)?
    do {
      for one in [self, other] { try await one.compareDisks(with: try await one.marked()) }
      outcome = nil
    } catch {
      outcome = error
    }
    _ = try await source.libvirt.virsh(["resume", Self.vmName])
    if let outcome { throw outcome }
  }

  /// Inserts a tagged checkpoint.
  ///
  /// - Returns: Its identifier, once the recovery site lists it.
  private func marked() async throws -> String {
    let tag = UUID().uuidString
    try await ask(london) { client in
      try await client.perform(
        "/vpgs/\(vpg)/checkpoints",
        ["CheckpointName": .text(tag)],
        seconds: 60
      )
    }
    let all = try await ask(paris) { try await $0.get("/vpgs/\(vpg)/checkpoints").elements }
    return try #require(all.first { $0["Tag"].text == tag }?["CheckpointIdentifier"].text)
  }
}
