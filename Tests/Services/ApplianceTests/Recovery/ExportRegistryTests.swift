// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import NBDProtocol
import NBDTransport
import RecoveryModel
import Testing

@testable import Appliance

@Suite struct `A point-in-time export` {
  private let identifier = ExportIdentifier("0a1b2c3d-0000-4000-8000-00000000000e")

  /// Content 1 at checkpoint 1, content 2 after it.
  private func prepare() throws -> RecoveryBench {
    let bench = try RecoveryBench()
    try bench.prepare()
    try bench.deliver(
      .write(0, 4096, [UInt8](repeating: 1, count: 70_000)),
      .write(1, 299_000, [UInt8](repeating: 1, count: 1000)),
      .mark(1),
      .write(0, 8192, [UInt8](repeating: 2, count: 70_000)),
      .mark(2)
    )
    return bench
  }

  private func request(_ bench: RecoveryBench, checkpoint: UInt64 = 1) -> ExportRequest {
    ExportRequest(
      stream: RecoveryBench.stream,
      point: .checkpoint(CheckpointIdentifier(checkpoint)),
      overlayFolder: bench.root + "/scratch/web1"
    )
  }

  private var firstVolume: [UInt8] {
    var content = [UInt8](repeating: 0, count: 1 << 20)
    content.replaceSubrange(4096..<74_096, with: [UInt8](repeating: 1, count: 70_000))
    return content
  }

  private func read(_ socketPath: String, _ name: String, count: Int) throws -> [UInt8] {
    let client = try NBDClient(socketPath: socketPath, exportName: name)
    defer { client.close() }
    #expect(client.byteCount == UInt64(count))
    var content = [UInt8](repeating: 0xEE, count: count)
    try content.withUnsafeMutableBytes { try client.read(at: 0, into: $0) }
    return content
  }

  @Test func `tells which blocks hold nothing, in journal and replica`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let context = "base:allocation"
    for checkpoint in 1...2 as ClosedRange<UInt64> {
      let reply = try bench.exports.put(identifier, request(bench, checkpoint: checkpoint))
      let client = try NBDClient(
        socketPath: reply.socketPath,
        exportName: "scsi:0:0",
        contexts: [context]
      )
      let extents = try client.extents(of: context, at: 0, count: client.byteCount)
      client.close()
      try bench.exports.delete(identifier)
      let dataByteCount: UInt64 = checkpoint == 1 ? 70_000 : 74_096
      #expect(extents.map(\.count) == [4096, dataByteCount, (1 << 20) - 4096 - dataByteCount])
      #expect(extents.map(\.flags) == [3, 0, 3])
    }
  }

  @Test func `gives the disks as they were, whatever is written and folded since`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let reply = try bench.exports.put(identifier, request(bench))
    try bench.deliver(.write(0, 0, [UInt8](repeating: 3, count: 300_000)), .mark(3))
    #expect(try read(reply.socketPath, "scsi:0:0", count: 1 << 20) == firstVolume)
    let second = try read(reply.socketPath, "scsi:0:1", count: 300_000)
    #expect(second[299_000...].allSatisfy { $0 == 1 })
    #expect(bench.exports.identifiers == [identifier])
    #expect(reply.socketPath.utf8.count < 100)
    // The point is held.
    #expect(throws: ControlFailure.self) {
      try bench.journals.promote(
        RecoveryBench.stream,
        PromoteRequest(checkpoint: CheckpointIdentifier(2))
      )
    }
    #expect(throws: ControlFailure.self) {
      try bench.journals.delete(RecoveryBench.stream, keepReplica: false)
    }
    // The commit of this very point leaves the export as it is.
    try bench.journals.promote(
      RecoveryBench.stream,
      PromoteRequest(checkpoint: CheckpointIdentifier(1))
    )
    #expect(try read(reply.socketPath, "scsi:0:0", count: 1 << 20) == firstVolume)
  }

  @Test func `has overlays that QEMU reads the same disks through`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let reply = try bench.exports.put(identifier, request(bench))
    let expected = bench.root + "/expected.raw"
    try Data(firstVolume).write(to: URL(filePath: expected))
    #expect(
      try run(
        "qemu-img",
        "compare",
        "-f",
        "raw",
        "-F",
        "qcow2",
        expected,
        reply.volumes[0].overlayPath
      ) == 0
    )
    #expect(reply.volumes.map(\.target) == ["vda", "vdb"])
  }

  @Test func `has overlays on its replicas for a VM that moves onto them, until it is closed`()
    throws
  {
    let bench = try prepare()
    defer { bench.tearDown() }
    #expect(throws: ControlFailure.self) { try bench.exports.prepareAdoption(of: identifier) }
    let reply = try bench.exports.put(identifier, request(bench))
    try bench.exports.prepareAdoption(of: identifier)
    let paths = reply.volumes.map(\.adoptionPath)
    #expect(try run("qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 4096", paths[0]) == 0)
    // Asked again, what a VM has written stays.
    try bench.exports.prepareAdoption(of: identifier)
    #expect(try run("qemu-io", "-f", "qcow2", "-c", "read -P 0x5a 0 4096", paths[0]) == 0)
    let replica = reply.volumes[0].replicaPath
    #expect(try run("qemu-io", "-f", "raw", "-c", "read -P 0 0 4096", replica) == 0)
    try bench.exports.delete(identifier)
    #expect(!paths.contains(where: FileManager.default.fileExists))
  }

  @Test func `is there again after a restart, with what was written to its overlays`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let reply = try bench.exports.put(identifier, request(bench))
    let overlay = reply.volumes[0].overlayPath
    #expect(try run("qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 4096", overlay) == 0)
    try bench.restart()
    #expect(try read(reply.socketPath, "scsi:0:0", count: 1 << 20) == firstVolume)
    #expect(try bench.exports.put(identifier, request(bench)) == reply)
    #expect(
      try run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "read -P 0x5a 0 4096",
        "-c",
        "read -P 1 4096 4096",
        overlay
      ) == 0
    )
    // Its point is held again.
    #expect(throws: ControlFailure.self) {
      try bench.journals.promote(
        RecoveryBench.stream,
        PromoteRequest(checkpoint: CheckpointIdentifier(2))
      )
    }
  }

  @Test func `leaves nothing behind when it is closed`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let reply = try bench.exports.put(identifier, request(bench))
    for _ in 0..<2 { try bench.exports.delete(identifier) }
    let files = FileManager.default
    #expect(!files.fileExists(atPath: reply.socketPath))
    #expect(!files.fileExists(atPath: bench.root + "/scratch/web1"))
    #expect(try files.contentsOfDirectory(atPath: bench.root + "/state/exports") == [])
    try bench.journals.promote(
      RecoveryBench.stream,
      PromoteRequest(checkpoint: CheckpointIdentifier(2))
    )
  }

  @Test func `of an unknown checkpoint or stream is refused and leaves nothing`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    var wrong = request(bench, checkpoint: 9)
    #expect(throws: ControlFailure(status: 404, message: "the journal has no checkpoint 9")) {
      try bench.exports.put(identifier, wrong)
    }
    wrong.stream = StreamIdentifier("none")
    #expect(throws: ControlFailure(status: 404, message: "there is no journal of stream none")) {
      try bench.exports.put(identifier, wrong)
    }
    #expect(bench.exports.identifiers == [])
    _ = try bench.exports.put(identifier, request(bench))
    #expect {
      try bench.exports.put(identifier, request(bench, checkpoint: 2))
    } throws: {
      ($0 as? ControlFailure)?.status == 409
    }
  }

  @Test func `is of any write, by its number or by its time`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    // Records: sync 1 and 2, then what ``prepare()`` writes; the bench's clock ticks with each.
    try bench.deliver(.write(0, 0, [5]))
    let before = try #require(bench.status).durableSequence
    try bench.deliver(.write(0, 0, [6]))
    func open(_ name: String, _ point: ExportPoint) throws -> ExportReply {
      try bench.exports.put(
        ExportIdentifier(name),
        ExportRequest(stream: RecoveryBench.stream, point: point, overlayFolder: nil)
      )
    }
    let bySequence = try open("a", .sequence(SequenceNumber(before)))
    let time = try #require(bySequence.time)
    #expect(bySequence.volumes.map(\.overlayPath) == ["", ""])
    let byTime = try open("b", .time(time))
    #expect(byTime.sequence == SequenceNumber(before))
    let later = try open("c", .time(WallTime(milliseconds: time.milliseconds + 1)))
    #expect(later.sequence == SequenceNumber(before + 1))
    for (reply, byte) in [(bySequence, 5), (byTime, 5), (later, 6)] as [(ExportReply, UInt8)] {
      let client = try NBDClient(
        socketPath: reply.socketPath,
        exportName: "scsi:0:0",
        timeoutInSeconds: 20
      )
      var found: UInt8 = 0
      try withUnsafeMutableBytes(of: &found) { try client.read(at: 0, into: $0) }
      #expect(found == byte)
    }
    #expect(bench.exports.statuses.map(\.identifier.rawValue) == ["a", "b", "c"])
    #expect(bench.exports.statuses.map(\.isServed) == [true, true, true])
  }

  @Test func `a point has the disks there were, through a restart and a disk that goes`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    let before = try #require(bench.status).durableSequence
    var request = bench.request
    request.volumes[0].byteCount = 2 << 20
    request.volumes[1].byteCount = 0
    request.volumes.append(
      .init(
        identifier: VolumeIdentifier("scsi:0:2"),
        target: "vdc",
        byteCount: 1 << 20,
        replicaPath: bench.root + "/pool/web1/vdc.raw"
      )
    )
    try bench.journals.put(RecoveryBench.stream, request)
    try bench.deliver(
      .syncBegan(3, [2 << 20, 0, 1 << 20]),
      .write(0, (2 << 20) - 1, [7]),
      .write(2, 0, [8]),
      .syncEnded
    )
    let after = try #require(bench.status).durableSequence
    func sizes(_ name: String, _ point: UInt64) throws -> [String: UInt64] {
      let reply = try bench.exports.put(
        ExportIdentifier(name),
        ExportRequest(
          stream: RecoveryBench.stream,
          point: .sequence(SequenceNumber(point)),
          overlayFolder: nil
        )
      )
      let clients = try reply.volumes.map { volume in
        let client = try NBDClient(
          socketPath: reply.socketPath,
          exportName: volume.identifier.rawValue,
          timeoutInSeconds: 20
        )
        return (volume.target, client.byteCount)
      }
      return Dictionary(uniqueKeysWithValues: clients)
    }
    for _ in 1...2 {
      #expect(try sizes("old", before) == ["vda": 1 << 20, "vdb": 300_000])
      #expect(try sizes("new", after) == ["vda": 2 << 20, "vdc": 1 << 20])
      try bench.restart()
    }
    // A change that is taken back names fewer disks; no replica moves.
    try bench.journals.put(RecoveryBench.stream, bench.request)
    try bench.journals.put(RecoveryBench.stream, request)
    request.volumes[1].replicaPath += "x"
    request.volumes[1].identifier = VolumeIdentifier("another disk")
    #expect(throws: ControlFailure.self) {
      try bench.journals.put(RecoveryBench.stream, request)
    }
  }

  @Test func `inside a sync or outside the history is refused with words`() throws {
    let bench = try prepare()
    defer { bench.tearDown() }
    try bench.deliver(.syncBegan(2), .write(0, 0, [9]))
    let inside = try #require(bench.status).durableSequence
    try bench.deliver(.syncEnded)
    func refusal(_ point: ExportPoint) -> ControlFailure? {
      do {
        _ = try bench.exports.put(
          identifier,
          ExportRequest(stream: RecoveryBench.stream, point: point, overlayFolder: nil)
        )
        return nil
      } catch { return error as? ControlFailure }
    }
    let inSync = refusal(.sequence(SequenceNumber(inside)))
    #expect(inSync?.status == 409 && inSync?.message.contains("sync") == true)
    #expect(refusal(.sequence(SequenceNumber(inside + 5)))?.status == 404)
    #expect(refusal(.time(WallTime(milliseconds: 5)))?.status == 404)
    #expect(bench.exports.identifiers == [])
  }

  private func run(_ tool: String, _ arguments: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
