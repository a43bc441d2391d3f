// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a restored VM finds what was there, and is what it was after a rollback`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    let definition = try await bench.definition()
    let point = try await bench.insertCheckpoint()
    try await bench.waitForWrites()
    let before = try await bench.lastNumber()
    try await bench.restore(to: point, killingManager: true)
    try await bench.checkRestored(to: point)
    // It is protected as it is now, on overlays.
    try await bench.waitUntilProtected(seconds: 120)

    try await bench.endRestore("RestoreRollback")
    #expect(try await bench.source.waitUntilServing(seconds: 120))
    let sequence = SequenceFile(try #require(try await bench.source.page("found-seq", seconds: 20)))
    #expect(try #require(sequence?.lastOfUnbroken) >= before)
    try await bench.checkSequence(of: bench.source)
    try await bench.checkOwnDisks(as: definition)
    try await bench.waitUntilProtected(seconds: 120)
    try await bench.compareDisks()
  }

  @Test func `a committed restore stays, and only differences follow it`() async throws {
    let bench = try await WithstandBench.ready()
    let definition = try await bench.definition()
    let point = try await bench.insertCheckpoint()
    try await bench.waitForWrites()
    try await bench.restore(to: point)
    try await bench.checkRestored(to: point)
    try await bench.waitUntilProtected(seconds: 120)

    // The guest goes on meanwhile.
    let pause = try await bench.watchingGuest { try await bench.endRestore("RestoreCommit") }
    print("the guest's longest pause in the commit was \(pause) s")
    try await bench.checkOwnDisks(as: definition)
    try await bench.waitUntilProtected(seconds: 120)
    let sent = try #require(try await bench.sentStream()["sentByteCount"].int)
    #expect(sent < 40 << 20, "\(sent) bytes were sent")
    try await bench.compareDisks()
    #expect(try await bench.checkpoints().contains(point.identifier))
  }
}

extension WithstandBench {
  /// Brings the VM back, and kills the manager that does it, if that is wished for.
  fileprivate func restore(to point: DemoPoint, killingManager: Bool = false) async throws {
    let began = ContinuousClock.now
    let vm = try await identifierOfVM()
    let body: JSON = [
      "VpgIdentifier": .text(vpg), "CheckpointIdentifier": .text(point.identifier),
      "CommitPolicy": 2, "ShutdownPolicy": 1,
    ]
    let task = try await ask(london) { client in
      let task = try await client.begin("/vms/\(vm)/Restore", body)
      guard killingManager else { return task }
      // The VM is about to be shut down, or is off.
      _ = try await Waiting.until(seconds: 60, every: .milliseconds(20)) {
        try await client.get("/tasks/\(task)")["Status"]["Progress"].int ?? 0 >= 16
      }
      try await killManager(of: london)
      return task
    }
    if killingManager { try await startDaemons(at: london) }
    try await ask(london) { try await $0.waitForTask(task, seconds: 240) }
    print("restored in \(ContinuousClock.now - began), manager killed: \(killingManager)")
  }

  fileprivate func endRestore(_ operation: String) async throws {
    let vm = try await identifierOfVM()
    try await ask(london) { client in
      let task = try await client.begin("/vms/\(vm)/\(operation)", .text(vpg))
      try await client.waitForTask(task, seconds: 180)
    }
  }

  private func identifierOfVM() async throws -> String {
    try await ask(london) { client in
      let vm = try await client.get("/vms").elements.first { $0["VpgIdentifier"].text == vpg }
      return try #require(vm?["VmIdentifier"].text)
    }
  }

  /// Lets the guest write for a while.
  fileprivate func waitForWrites() async throws {
    let before = try await lastNumber()
    let hasWritten = try await Waiting.until(seconds: 60, every: .milliseconds(300)) {
      try await lastNumber() > before + 5
    }
    #expect(hasWritten)
  }

  fileprivate func lastNumber() async throws -> Int {
    let page = try #require(try await source.page("last"))
    return try #require(Int(page.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// The VM runs on overlays, and found on its disks what was there at the point.
  fileprivate func checkRestored(to point: DemoPoint) async throws {
    guard try await source.waitUntilServing(seconds: 120) else {
      throw LabError("\(Self.vmName) does not answer")
    }
    let boot = try #require(try await source.page("found-seq", seconds: 20))
    let data = try #require(try await source.page("found-vdb-seq", seconds: 20))
    #expect(point.bounds.fault(bootDisk: boot, dataDisk: data) == nil)
    let overlays = try await overlays()
    #expect(overlays.count == 2)
    for overlay in overlays {
      try await Program.run(["qemu-img", "check", "--force-share", overlay])
    }
    #expect(try await placesOfVM() == ["london"])
  }

  /// The VM is defined and runs as it did, and no overlay is left.
  fileprivate func checkOwnDisks(as definition: String) async throws {
    #expect(try await self.definition() == definition)
    let disks = try await source.libvirt.virsh(["domblklist", Self.vmName])
    #expect(!disks.contains(".qcow2"), "\(disks)")
    #expect(try await overlays().isEmpty)
    #expect(try await leftovers().isEmpty)
  }

  fileprivate func definition() async throws -> String {
    try await source.libvirt.virsh(["dumpxml", "--inactive", Self.vmName])
  }

  private func overlays() async throws -> [String] {
    try await Program.run(["find", london.datastoreFolder, "-name", "*.restore.qcow2*"])
      .split(whereSeparator: \.isNewline).map(String.init)
  }
}
