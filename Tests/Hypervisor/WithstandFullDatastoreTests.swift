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
    let store = try await SmallDatastore(bench)
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
  fileprivate func testUntilFull(_ store: SmallDatastore) async throws {
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
  fileprivate func failOverWhenFull(_ store: SmallDatastore) async throws {
    try await store.fill()
    let failover = try await outcome(of: "Failover", ["CommitPolicy": 2, "ShutdownPolicy": 2])
    #expect(!failover.succeeded)
    #expect(failover.words.contains("No space left"), "\(failover.words)")
    #expect(try await store.files() == [SmallDatastore.ballast])
    #expect(try await placesOfVM() == ["london"])
    try await waitUntilProtected(seconds: 120)
  }
}

/// A datastore of paris with a file system of its own, so small that a guest fills it.
///
/// Each of the site's daemons has mounts of its own; the file system is one.
private struct SmallDatastore {
  static let ballast = "ballast"
  private static let name = "small"

  let folder: String
  let identifier: String
  private let libvirt: SiteLibvirt
  private let device: String
  private let daemons: [Int32]

  init(_ bench: WithstandBench) async throws {
    let paris = bench.paris
    folder = "\(paris.folder)/\(Self.name)"
    libvirt = bench.libvirt(of: paris)
    daemons = [
      try bench.libvirtd(of: paris), try bench.supervisor(of: paris),
      try #require(bench.daemons(of: paris).manager.processIdentifier),
    ]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let image = "\(folder).img"
    try await Program.run(["truncate", "-s", "2M", image])
    try await Program.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image])
    device = try await Program.run(["losetup", "--find", "--show", image])
      .trimmingCharacters(in: .whitespacesAndNewlines)
    for daemon in daemons {
      try await Program.run(["nsenter", "-t", "\(daemon)", "-m", "mount", device, folder])
    }
    _ = try await libvirt.virsh(["pool-define-as", Self.name, "dir", "--target", folder])
    _ = try await libvirt.virsh(["pool-start", Self.name])
    let site = "\(paris.identifier)"
    identifier = try await bench.ask(paris) { client in
      let all = try await client.get("/virtualizationsites/\(site)/datastores").elements
      let own = try #require(all.first { $0["DatastoreName"].text == Self.name })
      return try #require(own["DatastoreIdentifier"].text)
    }
  }

  /// What is in it, but for what every file system has.
  func files() async throws -> [String] {
    try await inside("ls \(folder)").split(whereSeparator: \.isNewline).map(String.init)
      .filter { $0 != "lost+found" }
  }

  /// Leaves no room for anything.
  func fill() async throws {
    _ = try await inside("cat /dev/zero > \(folder)/\(Self.ballast) 2>/dev/null || true")
  }

  func remove() async throws {
    _ = try? await libvirt.virsh(["pool-destroy", Self.name])
    _ = try? await libvirt.virsh(["pool-undefine", Self.name])
    for daemon in daemons {
      _ = try? await Program.run(["nsenter", "-t", "\(daemon)", "-m", "umount", "-l", folder])
    }
    try await Program.run(["losetup", "--detach", device])
    try FileManager.default.removeItem(atPath: "\(folder).img")
    try FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a command where libvirtd sees the file system.
  private func inside(_ command: String) async throws -> String {
    try await Program.run(["nsenter", "-t", "\(daemons[0])", "-m", "sh", "-c", command])
  }
}
