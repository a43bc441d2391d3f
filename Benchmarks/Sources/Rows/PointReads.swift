// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import NBDTransport
import RecoveryModel

/// Random reads of a point in time in a journal of a million writes, beside qemu-nbd on a flat raw
/// file of the same content.
enum PointReads {
  static let benchmark = Benchmark(rows: ["point-read-4k-qd32"], run: run)

  private static let writeCount = 1_000_000
  private static let volumeByteCount = 2 << 30

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let filled = try await FilledRecovery(
      writeCount: writeCount,
      writeSize: 4096,
      volumeByteCount: volumeByteCount,
      stage: stage
    )
    let appliance = try await filled.start()
    let reply = try await appliance.client.openExport(
      ExportIdentifier("bench"),
      ExportRequest(
        stream: AppliancePair.stream,
        point: .checkpoint(CheckpointIdentifier(UInt64(FilledRecovery.checkpoint))),
        overlayFolder: stage.path("overlays")
      )
    )
    let name = AppliancePair.volume.rawValue
    let flat = stage.path("flat.raw")
    // Both are in the page cache then. The journal is read as it lies on the disk first, which is
    // far quicker than in the volume's order.
    Machine.fillCache(with: filled.journalFolder)
    try copy(NBDClient(socketPath: reply.socketPath, exportName: name), to: flat)
    let peer = try await QemuNBD(file: flat, name: "flat", stage: stage)
    let fio = Fio(stage: stage)
    func read(_ socketPath: String, _ export: String) throws -> Double {
      try fio.run(
        "randread",
        blockSize: "4k",
        depth: 32,
        size: "\(volumeByteCount)",
        seconds: effort.seconds,
        Fio.nbd(socketPath, export: export)
      ).operationsPerSecond
    }
    let runs = try await Alternated(effort.repeats) {
      try read(reply.socketPath, name)
    } peer: {
      try read(peer.socketPath, QemuNBD.export)
    }
    return [
      Row(
        "point-read-4k-qd32",
        ours: runs.ours.median { $0 },
        peer: runs.peer.median { $0 },
        unit: "IOPS",
        .atLeast(0.8)
      )
    ]
  }

  /// Makes a file of an export's content, every byte of which has its place on the disk.
  private static func copy(_ export: NBDClient, to path: String) throws {
    defer { export.close() }
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw BenchError("cannot make \(path)") }
    defer { close(descriptor) }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { bytes.deallocate() }
    for start in stride(from: 0, to: volumeByteCount, by: bytes.count) {
      try export.read(at: UInt64(start), into: bytes)
      guard pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(start)) == bytes.count else {
        throw BenchError("cannot write \(path)")
      }
    }
  }
}
