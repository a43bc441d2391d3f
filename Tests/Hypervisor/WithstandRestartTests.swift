// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a VM that is reset keeps its taps`() async throws {
    let bench = try await WithstandBench.ready()
    let syncs = try await bench.syncCount()
    _ = try await bench.source.libvirt.virsh(["reset", WithstandBench.vmName])
    #expect(try await bench.source.waitUntilServing(seconds: 90))
    try await bench.waitUntilProtected()
    #expect(try await bench.syncCount() == syncs)
    try await bench.compareDisks()
  }

  @Test func `a VM that is started anew is tapped, compared and in order again`() async throws {
    let bench = try await WithstandBench.ready()
    let (vm, libvirt) = (WithstandBench.vmName, bench.source.libvirt)
    let syncs = try await bench.syncCount()
    let before = Set(try await bench.checkpoints())
    // Its QEMU dies with taps and maps of changes: nobody knows what was written last.
    _ = try await libvirt.virsh(["destroy", vm])
    _ = try await libvirt.virsh(["start", vm])
    #expect(try await bench.source.waitUntilServing(seconds: 90))
    try await bench.waitUntilProtected(seconds: 120)
    #expect(try await bench.syncCount() > syncs, "the sync is not an event")
    #expect(!before.isDisjoint(with: try await bench.checkpoints()), "earlier points are gone")
    try await bench.compareDisks()
  }
}

extension WithstandBench {
  /// How many syncs the protected site has told of.
  fileprivate func syncCount() async throws -> Int {
    try await ask(london) { client in
      try await client.get("/events").elements.compactMap { $0["Description"].text }
        .filter { $0.hasPrefix("A sync") }.count
    }
  }
}
