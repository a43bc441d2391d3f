// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Durable appends of 1 MiB batches, beside fio on files that were written before.
enum JournalAppend {
  static let benchmark = Benchmark(rows: ["journal-append-1m"], run: run)

  /// Places and sizes of ``JournalChild/append(_:)``.
  static func rate(byteCount: Int, writeSize: Int, stage: Stage) throws -> Double {
    let seconds = try Child.figures(
      [
        "append", stage.path("journal"), stage.path("replica.raw"), 1 << 30, byteCount, writeSize,
        1 << 20,
      ],
      stage: stage
    )
    guard let seconds = seconds.first else { throw BenchError("no appends were measured") }
    return Double(byteCount) / seconds / 1e6
  }

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let byteCount = (2 << 30) / effort.divisor
    let file = stage.path("fio.raw")
    try Disk.make(file, byteCount: byteCount, isWritten: true)
    let fio = Fio(stage: stage)
    let runs = try await Alternated(effort.repeats) {
      try rate(byteCount: byteCount, writeSize: 4096, stage: stage)
    } peer: {
      try fio.run(
        "write",
        blockSize: "1m",
        depth: 1,
        size: "\(byteCount)",
        seconds: nil,
        ["--ioengine=psync", "--direct=1", "--fdatasync=1", "--overwrite=1", "--filename=\(file)"]
      ).bytesPerSecond / 1e6
    }
    return [
      Row(
        "journal-append-1m",
        ours: runs.ours.median { $0 },
        peer: runs.peer.median { $0 },
        unit: "MB/s",
        .atLeast(0.9)
      )
    ]
  }
}
