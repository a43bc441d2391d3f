// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test
  func `a datastore that is full undoes a failover, and stops a test's guest but nothing else`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let store = try await LabDatastore(bench, name: "small", size: "2M")
    do {
      try await bench.change("scratch") { $0["DatastoreIdentifier"] = .text(store.identifier) }
      try await bench.testUntilFull(store)
      try await bench.failOverWhenFull(store)
      try await bench.change("scratch") { $0["DatastoreIdentifier"] = .null }
    } catch {
      try? await bench.change("scratch") { $0["DatastoreIdentifier"] = .null }
      try? await store.remove()
      throw error
    }
    try await store.remove()
    try await bench.checkUndone()
  }
}

extension WithstandBench {
  /// Tests until the guest has filled its scratch space, and goes on protecting.
  fileprivate func testUntilFull(_ store: LabDatastore) async throws {
    #expect(try await outcome(of: "FailoverTest").succeeded)
    let name = "\(Self.vmName) - testing recovery"
    let libvirt = libvirt(of: paris)
    let isStopped = try await Waiting.until(seconds: 120, every: .milliseconds(500)) {
      try await libvirt.virsh(["domstate", name]).contains("paused")
    }
    #expect(isStopped, "the guest has not filled \(store.folder)")
    // Replication is not held up by it.
    let checkpoint = try await checkpoints().last
    let goesOn = try await Waiting.until(seconds: 60, every: .milliseconds(500)) {
      try await checkpoints().last != checkpoint
    }
    #expect(goesOn, "no checkpoint is made any more")
    let stop = try await outcome(of: "FailoverTestStop", ["FailoverTestSuccess": false])
    #expect(stop.succeeded, "\(stop.words)")
    #expect(try await store.files() == [])
    #expect(try await leftovers().isEmpty)
  }

  /// Fails over when not even the overlay can be made.
  fileprivate func failOverWhenFull(_ store: LabDatastore) async throws {
    try await store.fill()
    let failover = try await outcome(of: "Failover", ["CommitPolicy": 2, "ShutdownPolicy": 2])
    #expect(!failover.succeeded)
    #expect(failover.words.contains("No space left"), "\(failover.words)")
    #expect(try await store.files() == [])
    #expect(try await placesOfVM() == ["london"])
    try await waitUntilProtected(seconds: 120)
  }
}
