// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test
  func `a disk that is attached is protected, followed as it grows, and kept once it is gone`()
    async throws
  {
    let bench = try await WithstandBench.ready()
    try await bench.waitUntilChangesAreKnown()
    let (vm, libvirt) = (WithstandBench.vmName, bench.source.libvirt)
    let path = "\(bench.london.datastoreFolder)/\(vm)/\(vm)-vdc.raw"
    try await Program.run(["dd", "if=/dev/urandom", "of=\(path)", "bs=1M", "count=32"])
    _ = try await libvirt.virsh([
      "attach-disk", vm, path, "vdc", "--targetbus", "virtio", "--driver", "qemu",
      "--subdriver", "raw", "--live",
    ])
    try await bench.waitForDisks(["vda", "vdb", "vdc"])
    try await bench.waitUntilProtected(seconds: 90)
    // The disks there were are synced by their maps of changes.
    let added = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(added >= 32 << 20 && added < 64 << 20, "\(added) bytes were read")
    try await bench.compareDisks(["vda", "vdb", "vdc"])

    // QEMU resizes no disk that has a tap. What it grows by is not empty.
    try await bench.waitUntilChangesAreKnown()
    try await bench.suspendTaps(minutes: 30)
    try await Program.run([
      "dd", "if=/dev/urandom", "of=\(path)", "bs=1M", "count=8", "seek=32", "conv=notrunc",
    ])
    _ = try await libvirt.virsh(["blockresize", vm, "vdc", "\(40 << 20)B"])
    try await bench.resumeTaps()
    try await bench.waitForDisks(["vda", "vdb", "vdc"], byteCounts: [nil, nil, 40 << 20])
    try await bench.waitUntilProtected(seconds: 90)
    let grown = try #require(try await bench.sentStream()["syncReadByteCount"].int)
    #expect(grown >= 8 << 20 && grown < 32 << 20, "\(grown) bytes were read")
    try await bench.compareDisks(["vda", "vdb", "vdc"])

    let checkpoint = try #require(try await bench.checkpoints().last)
    _ = try await libvirt.virsh(["detach-disk", vm, "vdc", "--live"])
    try await bench.waitForDisks(["vda", "vdb"])
    // QEMU lets go of the file: another program gets its lock.
    try await Program.run(["qemu-img", "resize", "-f", "raw", path, "\(40 << 20)"])
    try await bench.waitUntilProtected(seconds: 90)
    try await bench.compareDisks()
    try await bench.compareDisks(
      ["vda", "vdb", "vdc"],
      with: checkpoint,
      changing: ["vda", "vdb"]
    )
    let tested = try await bench.testedDisks(at: checkpoint)
    #expect(tested == ["vda", "vdb", "vdc"])
  }
}

extension WithstandBench {
  /// Waits until the stream has these disks, of these sizes where they are given.
  func waitForDisks(_ targets: [String], byteCounts: [Int?] = []) async throws {
    let isThere = try await Waiting.until(seconds: 30, every: .milliseconds(300)) {
      let known = try await control(paris, "GET", "/v1/status")["journals"].elements
      guard !known.isEmpty else { return false }
      let file = "\(paris.applianceFolder)/state/journals"
      let stream = try #require(known.first?["stream"].text)
      let data = try Data(contentsOf: URL(filePath: "\(file)/\(stream)/request.json"))
      let volumes = try JSONDecoder().decode(JSON.self, from: data)["request"]["volumes"].elements
        .filter { $0["byteCount"].int != 0 }
      return volumes.compactMap { $0["target"].text } == targets
        && zip(volumes, byteCounts).allSatisfy { $1 == nil || $0["byteCount"].int == $1 }
    }
    if !isThere { throw LabError("the recovery site was not told of the disks \(targets)") }
  }

  /// The disks of the VM that a failover test starts.
  func testedDisks(at checkpoint: String) async throws -> [String] {
    try await tell { story in
      try await story.recovery.perform(
        "/vpgs/\(vpg)/FailoverTest",
        ["CheckpointIdentifier": .text(checkpoint)],
        seconds: 60
      )
      let name = "\(Self.vmName) - testing recovery"
      let list = try await lab.guest(name, at: paris).libvirt.virsh(["domblklist", name])
      try await story.recovery.perform(
        "/vpgs/\(vpg)/FailoverTestStop",
        ["FailoverTestSuccess": true],
        seconds: 60
      )
      return list.split(separator: "\n")
        .compactMap { $0.split(separator: " ").first.map(String.init) }
    }
  }
}
