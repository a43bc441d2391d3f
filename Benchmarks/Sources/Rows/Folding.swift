// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Folding a journal of random writes into its replica, beside fio writing the same extents.
enum Folding {
  static let benchmark = Benchmark(rows: ["fold"], run: run)

  private static let volumeByteCount = 1 << 30
  private static let writeSize = 4096

  private static func run(_ stage: Stage, _ effort: Effort) async throws -> [Row] {
    let writeCount = 262_144 / effort.divisor
    let (replica, file) = (stage.path("replica.raw"), stage.path("fio.raw"))
    // A replica that has been there for a while has its space.
    for path in [replica, file] {
      try Disk.make(path, byteCount: volumeByteCount, isWritten: true)
    }
    let log = stage.path("extents.log")
    try writeLog(of: file, writeCount, to: log)
    let fio = Fio(stage: stage)
    let journal = stage.path("journal")
    let byteCount = Double(writeCount * writeSize)
    let runs = try await Alternated(effort.repeats) {
      try? FileManager.default.removeItem(atPath: journal)
      _ = try Child.figures(
        ["fill", journal, replica, volumeByteCount, writeCount, writeSize, 1],
        stage: stage
      )
      Machine.dropCaches(of: [stage.folder])
      let seconds = try Child.figures(["fold", journal, replica, volumeByteCount], stage: stage)
      return byteCount / (seconds.first ?? .nan) / 1e6
    } peer: {
      Machine.dropCaches(of: [stage.folder])
      return byteCount / (try fio.replay(log)) / 1e6
    }
    return [
      Row(
        "fold",
        ours: runs.ours.median { $0 },
        peer: runs.peer.median { $0 },
        unit: "MB/s",
        .atLeast(0.8)
      )
    ]
  }

  /// The journal's writes in their order, for fio ("trace file format", version 2).
  private static func writeLog(of file: String, _ writeCount: Int, to log: String) throws {
    var places = Places(count: volumeByteCount / writeSize, order: .random)
    var text = "fio version 2 iolog\n\(file) add\n\(file) open\n"
    for _ in 0..<writeCount { text += "\(file) write \(places.next() * writeSize) \(writeSize)\n" }
    text += "\(file) datasync 0 0\n\(file) close\n"
    try text.write(toFile: log, atomically: false, encoding: .utf8)
  }
}
