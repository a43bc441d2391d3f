// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A QEMU mirror job into the tap, beside the same job into nbdkit's memory plugin.
enum Mirrors {
  private static let loads: [(name: String, NBDLoad, target: Double)] = [
    ("mirror-4k-qd1", NBDLoad(pattern: "randwrite", blockSize: "4k", depth: 1), 1.0),
    ("mirror-4k-qd32", NBDLoad(pattern: "randwrite", blockSize: "4k", depth: 32), 1.3),
    ("mirror-64k-qd16", NBDLoad(pattern: "write", blockSize: "64k", depth: 16), 2.0),
  ]

  static let benchmark = Benchmark(rows: loads.map(\.name), run: run)

  private static let byteCount = 512 << 20

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let tap = try Tap(byteCount: byteCount, stage: stage)
    let nbdkit = try await Nbdkit(byteCount: byteCount, stage: stage)
    let fio = Fio(stage: stage)
    // The disk is memory, so that it does not hide what the mirror costs.
    let ours = try await mirrored("ours", tap.socketPath, Tap.export, stage)
    let peer = try await mirrored("peer", nbdkit.socketPath, "", stage)
    for daemon in [ours, peer] {
      _ = try fio.run(
        "write",
        blockSize: "1m",
        depth: 4,
        size: "\(byteCount)",
        seconds: nil,
        Fio.nbd(daemon.socketPath, export: "disk")
      )
    }
    var rows: [Row] = []
    for (name, load, target) in loads {
      let runs = try await Alternated(effort.repeats) {
        try tap.keeping {
          let figures = try load.run(fio, ours.socketPath, byteCount, effort)
          return (figures.operationCount, figures)
        }
      } peer: {
        try load.run(fio, peer.socketPath, byteCount, effort)
      }
      try ours.checkMirror()
      try peer.checkMirror()
      rows.append(
        Row(
          name,
          ours: runs.ours.median(\.operationsPerSecond),
          peer: runs.peer.median(\.operationsPerSecond),
          unit: "IOPS",
          .atLeast(target)
        )
      )
    }
    return rows
  }

  private static func mirrored(
    _ name: String,
    _ socketPath: String,
    _ export: String,
    _ stage: Stage
  ) async throws -> StorageDaemon {
    let file = try Machine.memoryFile(byteCount: byteCount, stage: stage)
    try Disk.make(file, byteCount: byteCount, isWritten: false)
    let daemon = try await StorageDaemon(name: name, file: file, options: [], stage: stage)
    try await daemon.mirror(to: socketPath, export: export)
    return daemon
  }
}

/// A load on a daemon's disk.
struct NBDLoad {
  var pattern: String
  var blockSize: String
  var depth: Int

  func run(
    _ fio: Fio,
    _ socketPath: String,
    _ byteCount: Int,
    _ effort: Effort
  ) throws -> Fio.Figures {
    try fio.run(
      pattern,
      blockSize: blockSize,
      depth: depth,
      size: "\(byteCount)",
      seconds: effort.seconds,
      Fio.nbd(socketPath, export: "disk")
    )
  }
}
