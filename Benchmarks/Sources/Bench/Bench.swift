// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// `bench [quick] [SUITE | ROW …]`: measures, prints the table and writes it as JSON.
///
/// With `child NAME …` it is one of its own helpers, whose CPU and memory can be told apart.
@main
struct Bench {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if arguments.first == "child" {
        try await Child.run(Array(arguments.dropFirst()))
      } else {
        Stage.closeAllOnSignals()
        exit(try await run(arguments) ? 0 : 1)
      }
    } catch {
      FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
      exit(1)
    }
  }

  /// False if something could not be measured.
  private static func run(_ arguments: [String]) async throws -> Bool {
    let isQuick = arguments.first == "quick"
    let effort: Effort = isQuick ? .quick : .full
    let wanted = Array(arguments.dropFirst(isQuick ? 1 : 0))
    let chosen = try Suites.benchmarks(for: wanted)
    if wanted.isEmpty { try Machine.checkRoom(byteCount: effort.diskByteCount) }
    say("\(isQuick ? "quick" : "full") run, \(chosen.count) benchmarks; \(Machine.description)\n")
    var rows: [Row] = []
    for benchmark in chosen {
      say("measuring \(benchmark.rows.joined(separator: ", "))")
      let began = now()
      rows += await measure(benchmark, effort)
      say("  took \(Int(now() - began)) s")
    }
    say("")
    Table(rows: rows).print()
    try Results(path: Machine.resultsPath).write(rows, replacingAll: wanted.isEmpty)
    return rows.allSatisfy { $0.ours != nil }
  }

  /// The rows of one benchmark; if it fails they are there all the same, without figures.
  private static func measure(_ benchmark: Benchmark, _ effort: Effort) async -> [Row] {
    let stage: Stage
    do { stage = try Stage() } catch {
      say("  failed: \(error)")
      return benchmark.rows.map(Row.failed)
    }
    defer { stage.close() }
    do {
      let rows = try await benchmark.run(stage, effort)
      Table(rows: rows).print(indent: "  ", hasHead: false)
      return rows
    } catch {
      say("  failed: \(error)\n  \(stage.lastWords)")
      return benchmark.rows.map(Row.failed)
    }
  }
}

/// How long and how often is measured.
struct Effort {
  /// Runs of each side; the median counts.
  var repeats: Int
  /// One run of a server under load, in seconds.
  var seconds: Double
  /// By how much sizes that do not matter to the row's meaning are divided.
  var divisor: Int
  /// How long the RPO is watched, in seconds.
  var watchSeconds: Double
  /// Room on the disk that a run of everything may need at one time.
  var diskByteCount: UInt64

  static let full = Effort(
    repeats: 5,
    seconds: 4,
    divisor: 1,
    watchSeconds: 60,
    diskByteCount: 40 << 30
  )
  static let quick = Effort(
    repeats: 3,
    seconds: 1,
    divisor: 4,
    watchSeconds: 10,
    diskByteCount: 16 << 30
  )
}
