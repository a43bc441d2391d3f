// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What h2load, nghttp2's benchmark, saw of a server.
struct HTTPLoad {
  /// How much is asked.
  enum Amount {
    /// By one client, one call after the other.
    case calls(Int)
    /// By so many clients, each so often a second, for so many seconds.
    case rate(clients: Int, perSecond: Int, seconds: Int)
  }

  /// Of each answer, in the order in which they were asked for.
  let milliseconds: [Double]

  /// Asks for the URLs in turn.
  ///
  /// - Throws: If an answer is not 200.
  init(_ urls: [String], header: String? = nil, _ amount: Amount, stage: Stage) throws {
    let log = stage.path("h2load-\(UInt32.random(in: 0...UInt32.max))")
    var arguments = ["--h1", "--log-file=\(log)"]
    if let header { arguments.append("--header=\(header)") }
    switch amount {
    case .calls(let count): arguments += ["-c", "1", "-n", "\(count)"]
    case .rate(let clients, let perSecond, let seconds):
      arguments += ["-c", "\(clients)", "--rps", "\(perSecond)", "-D", "\(seconds)"]
    }
    try Program.run("h2load", arguments + urls, stage: stage)
    var seen: [(asked: Double, took: Double)] = []
    for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
      let fields = line.split(separator: "\t").compactMap { Double($0) }
      guard fields.count == 3, fields[1] == 200 else {
        throw BenchError("an answer was not 200: \(line)")
      }
      seen.append((fields[0], fields[2] / 1000))
    }
    guard !seen.isEmpty else { throw BenchError("nothing was answered: \(urls[0])") }
    milliseconds = seen.sorted { $0.asked < $1.asked }.map(\.took)
  }

  var median: Double { milliseconds.median { $0 } }

  /// What 99 of 100 answers did not exceed.
  var p99: Double { milliseconds.sorted()[milliseconds.count * 99 / 100] }
}
