// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// All disks of the VM: a re-sync must cost a small part of it.
  private static let diskByteCount = 160 << 20

  @Test(arguments: [1, 2])
  func `after an appliance's death a sync reads only what was written since`(
    deaths: Int
  ) async throws {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    for _ in 1...deaths {
      try await bench.kill(try await bench.worker(of: bench.london))
      // The guest writes on, also to a disk whose tap is dead.
      let number = try await bench.source.page("last")
      let goesOn = try await Waiting.until(seconds: 20) {
        try await bench.source.page("last") != number
      }
      #expect(goesOn)
    }
    try await bench.waitUntilProtected()
    let read = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(read > 0)
    #expect(read < Self.diskByteCount / 8, "\(read) bytes were read")
    let kinds = try await bench.ask(bench.london) { client in
      try await client.get("/events").elements.compactMap { $0["Description"].text }
        .filter { $0.contains("A sync of the changed blocks") }
    }
    #expect(!kinds.isEmpty)
    try await bench.compareDisks()
  }

  @Test func `a suspended tap leaves the disk to another tool and comes back by what changed`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    let snapshot = [
      "snapshot-create-as", WithstandBench.vmName, "s", "--disk-only", "--no-metadata",
    ]
    await #expect(throws: LabError.self) {
      try await bench.source.libvirt.virsh(snapshot + ["--diskspec", "vdb,snapshot=no"])
    }
    try await bench.suspendTaps(minutes: 30)
    // The snapshot is taken, the guest writes to it, and it is taken back into the disk.
    _ = try await bench.source.libvirt.virsh(snapshot)
    let number = try await bench.source.page("last")
    let goesOn = try await Waiting.until(seconds: 20) {
      try await bench.source.page("last") != number
    }
    #expect(goesOn)
    for target in ["vda", "vdb"] {
      _ = try await bench.source.libvirt
        .virsh(["blockcommit", WithstandBench.vmName, target, "--active", "--pivot", "--wait"])
    }
    try await bench.resumeTaps()
    try await bench.waitUntilProtected()
    let read = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(read > 0 && read < Self.diskByteCount / 8, "\(read) bytes were read")
    try await bench.compareDisks()
  }

  @Test func `a disk that lies on a snapshot when its tap comes back is compared as a whole`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    try await bench.suspendTaps(minutes: 30)
    _ = try await bench.source.libvirt
      .virsh(["snapshot-create-as", WithstandBench.vmName, "t", "--disk-only", "--no-metadata"])
    try await bench.resumeTaps()
    try await bench.waitUntilProtected()
    let read = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(read > Self.diskByteCount / 8, "only \(read) bytes were read")
    // Taken back while the tap is away: what was written meanwhile is known again.
    try await bench.suspendTaps(minutes: 30)
    for target in ["vda", "vdb"] {
      _ = try await bench.source.libvirt
        .virsh(["blockcommit", WithstandBench.vmName, target, "--active", "--pivot", "--wait"])
    }
    try await bench.resumeTaps()
    try await bench.waitUntilProtected()
    try await bench.compareDisks()
  }
}
