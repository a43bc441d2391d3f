// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Opening a point in time in a journal of ten million writes, and what an appliance needs in
/// memory to have such a journal open.
enum Opening {
  static let benchmark = Benchmark(
    rows: ["point-open-cold", "point-open-warm", "memory-ten-million-writes"],
    run: run
  )

  private static let writeCount = 10_000_000
  private static let writeSize = 512
  private static let volumeByteCount = 64 << 30

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let filled = try await FilledRecovery(
      writeCount: writeCount,
      writeSize: writeSize,
      volumeByteCount: volumeByteCount,
      stage: stage
    )
    var runs: [[Double]] = []
    for _ in 0..<effort.repeats {
      Machine.dropCaches(of: [filled.journalFolder])
      runs.append(
        try Child.figures(
          ["open", filled.journalFolder, filled.replica, volumeByteCount],
          stage: stage
        )
      )
    }
    guard runs.allSatisfy({ $0.count == 3 }) else { throw BenchError("the journal is not open") }
    let appliance = try await filled.start()
    // The parts of the index are merged now, and are there twice for a moment.
    try await Task.sleep(for: .seconds(5))
    let memory = try appliance.peakMemoryByteCount
    let bound = ApplianceProcess.memoryBound(bufferInMB: 0, extentCount: Int(runs[0][2]))
    return [
      Row("point-open-cold", ours: runs.median { $0[0] }, unit: "ms", atMost: 1000),
      Row("point-open-warm", ours: runs.median { $0[1] }, unit: "ms", atMost: 100),
      Row(
        "memory-ten-million-writes",
        ours: Double(memory) / Double(1 << 20),
        unit: "MiB",
        atMost: bound
      ),
    ]
  }
}

extension ApplianceProcess {
  /// What an appliance may take, in MiB: 64, its buffer, and 24 bytes for each live extent.
  static func memoryBound(bufferInMB: Int, extentCount: Int) -> Double {
    64 + Double(bufferInMB) + Double(extentCount * 24) / Double(1 << 20)
  }
}
