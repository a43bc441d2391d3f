// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  /// A sparse disk of 20 GiB with 50 MiB of changes: neither its first sync nor its commit is about
  /// more than what was written.
  @Test func `a commit costs what was changed, however large the disk is`() async throws {
    let bench = try await WithstandBench.ready()
    let path = try await bench.attachSparseDisk()
    let written = try await bench.writeThroughout()
    // Zeroes of a copy that is as sparse are not read either.
    let copy = path + ".copy"
    try await Program.run(["cp", "--sparse=always", path, copy])
    let point = try await bench.insertCheckpoint()
    let failover = try await bench.timed("failover") {
      try await bench.outcome(
        of: "Failover",
        [
          "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
        ]
      )
    }
    #expect(failover.succeeded, "\(failover.words)")
    try await bench.checkRecoveredVM(at: point)
    try await bench.writeMore(and: copy)

    let before = try await bench.transferredByteCounts()
    let commit = try await bench.timed("commit") { try await bench.outcome(of: "FailoverCommit") }
    let after = try await bench.transferredByteCounts()
    #expect(commit.succeeded, "\(commit.words)")
    let moved = after.map { $0.value - (before[$0.key] ?? 0) }.reduce(0, +)
    print("the commit read and wrote \(moved >> 20) MiB")
    #expect(moved > written && moved < 1 << 30)
    try await bench.checkCommitted()

    let replica = try await bench.disk("vdc")
    try await Program.run([
      "qemu-img", "compare", "--force-share", "-f", "raw", "-F", "raw", copy, replica,
    ])
    let allocated = try bench.allocatedByteCount(of: replica)
    print("the replica has \(allocated >> 20) MiB of its disk")
    #expect(allocated > written && allocated < 4 * written)
  }
}

extension WithstandBench {
  private static let diskByteCount = 20 << 30
  /// What the guest writes: a MiB here and there.
  private static let pieceCount = 50

  /// Gives the protected VM a further disk, which is empty, and waits until it is protected.
  ///
  /// - Returns: The disk's path.
  fileprivate func attachSparseDisk() async throws -> String {
    let path = "\(london.datastoreFolder)/\(Self.vmName)/\(Self.vmName)-vdc.raw"
    try await Program.run(["truncate", "--size", "\(Self.diskByteCount)", path])
    try await timed("the disk's first sync") {
      _ = try await source.libvirt.virsh([
        "attach-disk", Self.vmName, path, "vdc", "--targetbus", "virtio", "--driver", "qemu",
        "--subdriver", "raw", "--live",
      ])
      try await waitForDisks(["vda", "vdb", "vdc"], byteCounts: [nil, nil, Self.diskByteCount])
      try await waitUntilProtected(seconds: 300)
    }
    let read = try #require(try await sentStream()["syncReadByteCount"].int)
    #expect(read < 1 << 30, "\(read) bytes of an empty disk were read")
    return path
  }

  /// Has the guest write all over the disk.
  ///
  /// - Returns: How many bytes.
  fileprivate func writeThroughout() async throws -> Int {
    let step = (Self.diskByteCount >> 20) * 9 / 10 / Self.pieceCount
    try await source.run(
      "/bin/sh",
      [
        "-c",
        """
        i=0
        while [ $i -lt \(Self.pieceCount) ]; do
          dd if=/dev/urandom of=/dev/vdc bs=1M count=1 seek=$((i * \(step))) conv=fsync || exit 1
          i=$((i + 1))
        done
        """,
      ],
      seconds: 240
    )
    return Self.pieceCount << 20
  }

  /// Has the recovered guest copy what is at the disk's start to its end, and does the same to a
  /// copy of the disk.
  fileprivate func writeMore(and copy: String) async throws {
    let arguments = ["bs=1M", "count=8", "seek=\((Self.diskByteCount >> 20) - 8)"]
    try await lab.guest(Self.vmName, at: paris)
      .run("/bin/dd", ["if=/dev/vdc", "of=/dev/vdc"] + arguments + ["conv=fsync"])
    try await Program.run(["dd", "if=\(copy)", "of=\(copy)"] + arguments + ["conv=notrunc"])
  }

  /// What each process of paris has read and written so far: the guest's, the appliance's, all.
  fileprivate func transferredByteCounts() async throws -> [Int32: Int] {
    var counts: [Int32: Int] = [:]
    for process in try await SiteNetwork.processes(in: paris) {
      // One that has just ended counts no more.
      guard let text = try? String(contentsOfFile: "/proc/\(process)/io", encoding: .utf8)
      else { continue }
      counts[process] = text.split(separator: "\n").filter {
        $0.hasPrefix("rchar:") || $0.hasPrefix("wchar:")
      }.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    }
    return counts
  }

  /// The file that a disk of the recovered VM is, and nothing above or below it.
  fileprivate func disk(_ target: String) async throws -> String {
    let list = try await lab.guest(Self.vmName, at: paris).libvirt
      .virsh(["domblklist", Self.vmName])
    let row = list.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace) }
      .first { $0.first == Substring(target) }
    return String(try #require(row?.last))
  }

  fileprivate func allocatedByteCount(of path: String) throws -> Int {
    var found = stat()
    try #require(stat(path, &found) == 0)
    return Int(found.st_blocks) * 512
  }

  fileprivate func timed<Result>(
    _ what: String,
    _ body: () async throws -> Result
  ) async throws -> Result {
    let began = ContinuousClock.now
    let result = try await body()
    print("\(what) took \(ContinuousClock.now - began)")
    return result
  }
}
