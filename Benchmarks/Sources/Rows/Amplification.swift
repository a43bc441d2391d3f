// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Bytes written to the disk in the whole life of a write, from the journal to the replica, when no
/// place is written twice before it is folded: the worst case.
enum Amplification {
  static let benchmark = Benchmark(rows: ["write-amplification"], run: run)

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let replica = stage.path("replica.raw")
    // Not less in a quick run: the files that a journal sets aside once would count for much of it.
    let volumeByteCount = 4 << 30
    try Disk.make(replica, byteCount: volumeByteCount, isWritten: true)
    let figures = try Child.figures(
      ["amplify", stage.path("journal"), replica, volumeByteCount, volumeByteCount / 4, 4096],
      stage: stage
    )
    guard let ratio = figures.first else { throw BenchError("nothing was written") }
    return [Row("write-amplification", ours: ratio, unit: "B/B", atMost: 2.1)]
  }
}
