// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a guest sees of protection: writes to a real disk with the tap's mirror job and without.
enum GuestWrites {
  private static let loads: [(name: String, NBDLoad, target: Double)] = [
    ("guest-write-4k-qd1", NBDLoad(pattern: "randwrite", blockSize: "4k", depth: 1), 0.85),
    ("guest-write-4k-qd32", NBDLoad(pattern: "randwrite", blockSize: "4k", depth: 32), 0.95),
  ]

  static let benchmark = Benchmark(rows: loads.map(\.name), run: run)

  /// As libvirt starts a VM with `cache='none' io='native'`.
  private static let options = ["cache.direct=on", "aio=native"]

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let byteCount = (1 << 30) / effort.divisor
    let tap = try Tap(byteCount: byteCount, stage: stage)
    var daemons: [StorageDaemon] = []
    for name in ["protected", "unprotected"] {
      let file = stage.path("\(name).raw")
      try Disk.make(file, byteCount: byteCount, isWritten: true)
      daemons.append(
        try await StorageDaemon(name: name, file: file, options: options, stage: stage)
      )
    }
    let (protected, unprotected) = (daemons[0], daemons[1])
    try await protected.mirror(to: tap.socketPath, export: Tap.export)
    let fio = Fio(stage: stage)
    var rows: [Row] = []
    for (name, load, target) in loads {
      let runs = try await Alternated(effort.repeats) {
        try tap.keeping {
          let figures = try load.run(fio, protected.socketPath, byteCount, effort)
          return (figures.operationCount, figures)
        }
      } peer: {
        try load.run(fio, unprotected.socketPath, byteCount, effort)
      }
      try protected.checkMirror()
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
}
