// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What is measured together, and the names of the rows that come of it.
struct Benchmark: Sendable {
  var rows: [String]
  var run: @Sendable (Stage, Effort) async throws -> [Row]
}

/// The benchmarks by suite; a suite's name on the command line stands for all of its rows.
enum Suites {
  static let all: [(name: String, benchmarks: [Benchmark])] = [
    (
      "data-path",
      [
        NBDWrites.benchmark, Mirrors.benchmark, GuestWrites.benchmark, JournalAppend.benchmark,
        WholePath.benchmark, PointReads.benchmark, Opening.benchmark, Folding.benchmark,
        Amplification.benchmark, DeltaSync.benchmark,
      ]
    ),
    ("api", [RESTLoad.benchmark]),
  ]

  /// The benchmarks that give the rows asked for, by suite, name or beginning of a name.
  static func benchmarks(for wanted: [String]) throws -> [Benchmark] {
    guard !wanted.isEmpty else { return all.flatMap(\.benchmarks) }
    for word in wanted {
      let isKnown = all.contains { suite in
        suite.name == word || suite.benchmarks.contains { $0.gives(word) }
      }
      guard isKnown else { throw BenchError("there is no suite or row \(word); rows: \(names)") }
    }
    return all.flatMap { suite in
      suite.benchmarks.filter { benchmark in
        wanted.contains { $0 == suite.name || benchmark.gives($0) }
      }
    }
  }

  private static var names: String {
    all.flatMap(\.benchmarks).flatMap(\.rows).joined(separator: ", ")
  }
}

extension Benchmark {
  fileprivate func gives(_ word: String) -> Bool { rows.contains { $0.hasPrefix(word) } }
}

/// Something that could not be measured, in words.
struct BenchError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
