// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Writes to the point of acknowledgement: the tap beside nbdkit's memory plugin.
enum NBDWrites {
  struct Load {
    var name: String
    var pattern: String
    var blockSize: String
    var depth: Int
    var target: Double
    /// The bound of CPU per write, if there is one.
    var cpuTarget: Double?
  }

  static let loads = [
    Load(
      name: "nbd-write-4k-qd1",
      pattern: "randwrite",
      blockSize: "4k",
      depth: 1,
      target: 1.5,
      cpuTarget: 0.5
    ),
    Load(
      name: "nbd-write-4k-qd32",
      pattern: "randwrite",
      blockSize: "4k",
      depth: 32,
      target: 1.3,
      cpuTarget: 0.5
    ),
    Load(
      name: "nbd-write-64k-qd16",
      pattern: "write",
      blockSize: "64k",
      depth: 16,
      target: 1.3
    ),
  ]

  static let benchmark = Benchmark(
    rows: loads.flatMap { $0.cpuTarget == nil ? [$0.name] : [$0.name, $0.name + "-cpu"] },
    run: run
  )

  private struct Figures {
    var rate: Double
    var operationCount: Double
    /// In microseconds.
    var cpuPerWrite: Double
  }

  private static let byteCount = 512 << 20

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let tap = try Tap(byteCount: byteCount, stage: stage)
    let nbdkit = try await Nbdkit(byteCount: byteCount, stage: stage)
    let fio = Fio(stage: stage)
    // nbdkit has its memory from here on; to the tap it means as much.
    for path in [nbdkit.socketPath, tap.socketPath] {
      _ = try fio.run(
        "write",
        blockSize: "1m",
        depth: 4,
        size: "\(byteCount)",
        seconds: nil,
        Fio.nbd(path)
      )
    }
    func measure(_ load: Load, _ path: String, _ process: ProcessFigures) throws -> Figures {
      let before = try process.cpuSeconds
      let figures = try fio.run(
        load.pattern,
        blockSize: load.blockSize,
        depth: load.depth,
        size: "\(byteCount)",
        seconds: effort.seconds,
        Fio.nbd(path)
      )
      let used = try process.cpuSeconds - before
      return Figures(
        rate: figures.operationsPerSecond,
        operationCount: figures.operationCount,
        cpuPerWrite: used / figures.operationCount * 1e6
      )
    }
    var rows: [Row] = []
    for load in loads {
      let runs = try await Alternated(effort.repeats) {
        try tap.keeping {
          let figures = try measure(load, tap.socketPath, tap.process)
          return (figures.operationCount, figures)
        }
      } peer: {
        try measure(load, nbdkit.socketPath, nbdkit.process)
      }
      rows += self.rows(load, runs)
    }
    return rows
  }

  private static func rows(_ load: Load, _ runs: Alternated<Figures>) -> [Row] {
    let rate = Row(
      load.name,
      ours: runs.ours.median(\.rate),
      peer: runs.peer.median(\.rate),
      unit: "IOPS",
      .atLeast(load.target)
    )
    guard let cpuTarget = load.cpuTarget else { return [rate] }
    return [
      rate,
      Row(
        load.name + "-cpu",
        ours: runs.ours.median(\.cpuPerWrite),
        peer: runs.peer.median(\.cpuPerWrite),
        unit: "µs/write",
        .atMost(cpuTarget)
      ),
    ]
  }
}
