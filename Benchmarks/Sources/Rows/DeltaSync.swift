// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel

/// What a delta sync sends and is sent when one block of 64 KiB in a hundred differs.
enum DeltaSync {
  static let benchmark = Benchmark(rows: ["delta-sync-network"], run: run)

  private static let blockSize = 64 << 10

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let byteCount = (10 << 30) / effort.divisor
    let (disk, replica) = (stage.path("disk.raw"), stage.path("replica.raw"))
    try Disk.make(disk, byteCount: byteCount, isWritten: true)
    // The first sync has nothing to copy then; it is the second one that counts.
    try Program.run("cp", ["--sparse=never", disk, replica], stage: stage)
    var relays: [Relay] = []
    let pair = try await AppliancePair(
      disk: disk,
      replica: replica,
      byteCount: byteCount,
      limit: 1 << 40,
      stage: stage
    ) { port in
      relays.append(try Relay(to: port, stage: stage))
      return relays[0].port
    }
    let first = try NBDWriter(
      socketPath: pair.tapSocketPath,
      export: AppliancePair.volume.rawValue,
      stage: stage
    )
    try await pair.sync()
    // A tap that was closed may have missed writes.
    first.close()
    try await waitUntil("the tap is closed") { try await pair.status().connectedVolumes.isEmpty }
    let changed = try change(disk, byteCount)
    _ = try NBDWriter(
      socketPath: pair.tapSocketPath,
      export: AppliancePair.volume.rawValue,
      stage: stage
    )
    let before = relays[0].byteCount
    try await pair.sync()
    let sent = relays[0].byteCount - before
    guard sent > changed else { throw BenchError("\(sent) bytes cannot hold the changes") }
    let bound = 1.1 * Double(changed) + 0.001 * Double(byteCount)
    return [
      Row(
        "delta-sync-network",
        ours: Double(sent) / Double(1 << 20),
        unit: "MiB",
        atMost: bound / Double(1 << 20)
      )
    ]
  }

  /// Changes every hundredth block, at random; returns how many bytes that is.
  private static func change(_ disk: String, _ byteCount: Int) throws -> Int {
    let descriptor = open(disk, O_RDWR)
    guard descriptor >= 0 else { throw BenchError("cannot open \(disk)") }
    defer { close(descriptor) }
    let sample = try Sample(.incompressible)
    var places = Places(count: byteCount / blockSize, order: .permuted)
    let count = places.count / 100
    for index in 0..<count {
      // Not what the disk was made of, for that begins with block 0 at offset 0.
      let block = sample.block(index + 1, blockSize)
      let offset = off_t(places.next() * blockSize)
      guard pwrite(descriptor, block.baseAddress, block.count, offset) == block.count else {
        throw BenchError("cannot write \(disk)")
      }
    }
    return count * blockSize
  }
}
