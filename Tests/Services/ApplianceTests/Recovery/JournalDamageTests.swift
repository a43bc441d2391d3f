// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import NBDProtocol
import NBDTransport
import RecoveryModel
import Testing

@testable import Appliance

/// A byte of a segment's file, on a real file system, that is not what was written.
@Suite struct `A journal that rots on its disk` {
  private static let block = 65_536

  /// Changes one byte of the first block's record where it lies in the journal.
  private func rot(_ bench: RecoveryBench) throws {
    let folder = bench.root + "/state/journals/\(RecoveryBench.stream.rawValue)"
    let written = Data(repeating: 0xA1, count: 4096)
    // A segment that is ready for what comes next has nothing yet.
    let (path, place) = try #require(
      try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { $0.hasSuffix(".journal") }.map { folder + "/" + $0 }
        .lazy.compactMap { path in
          (try? Data(contentsOf: URL(fileURLWithPath: path)))?.range(of: written).map { (path, $0) }
        }.first
    )
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    try file.seek(toOffset: UInt64(place.lowerBound + 1000))
    try file.write(contentsOf: Data([0xA0]))
  }

  @Test func `gives none of it, says so, and is right again once it was sent anew`() async throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    let first = [UInt8](repeating: 0xA1, count: Self.block)
    let second = [UInt8](repeating: 2, count: Self.block)
    try bench.deliver(.write(0, 0, first), .write(0, UInt64(Self.block), second), .mark(1))
    let good = try await bench.hashes(0, 0, Self.block, 2)
    try rot(bench)

    let identifier = ExportIdentifier("0a1b2c3d-0000-4000-8000-00000000000d")
    let request = ExportRequest(
      stream: RecoveryBench.stream,
      point: .checkpoint(CheckpointIdentifier(1)),
      overlayFolder: bench.root + "/scratch/web1"
    )
    let reply = try bench.exports.put(identifier, request)
    let client = try NBDClient(socketPath: reply.socketPath, exportName: "scsi:0:0")
    var bytes = [UInt8](repeating: 0, count: Self.block)
    #expect(throws: (any Error).self) {
      try bytes.withUnsafeMutableBytes { try client.read(at: 0, into: $0) }
    }
    try bytes.withUnsafeMutableBytes { try client.read(at: UInt64(Self.block), into: $0) }
    #expect(bytes == second)
    client.close()
    try bench.exports.delete(identifier)
    #expect(bench.status?.damage?.contains("one record on its disk") == true)

    // A sync that compares finds the block different, and the sender goes on.
    let compared = try await bench.hashes(0, 0, Self.block, 2)
    #expect(compared[0] != good[0] && compared[1] == good[1])
    try bench.deliver(.syncBegan(2), .write(0, 0, first), .syncEnded, .mark(2))
    #expect(try await bench.hashes(0, 0, Self.block, 2) == good)
    try bench.journals.promote(
      RecoveryBench.stream,
      PromoteRequest(checkpoint: CheckpointIdentifier(2))
    )
    #expect(bench.status?.damage == nil)
    let disk = try Data(contentsOf: URL(fileURLWithPath: bench.request.volumes[0].replicaPath))
    #expect(disk.prefix(2 * Self.block) == Data(first + second))
  }
}
