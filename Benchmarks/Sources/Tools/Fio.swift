// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// fio as the load.
struct Fio {
  var stage: Stage

  /// What one run came to.
  struct Figures {
    var operationsPerSecond: Double
    var bytesPerSecond: Double
    var operationCount: Double
    var seconds: Double
  }

  /// Runs one job of reads or of writes.
  ///
  /// `pattern` is fio's `rw`, such as `randwrite`; without `seconds` it goes once through `size`.
  func run(
    _ pattern: String,
    blockSize: String,
    depth: Int,
    size: String,
    seconds: Double?,
    _ more: [String]
  ) throws -> Figures {
    var arguments = [
      "--name=bench", "--rw=\(pattern)", "--bs=\(blockSize)", "--iodepth=\(depth)",
      "--size=\(size)", "--thread", "--randrepeat=0", "--norandommap", "--output-format=json",
    ]
    if let seconds { arguments += ["--time_based", "--runtime=\(Int(seconds * 1000))ms"] }
    let text = try Program.run("fio", arguments + more, stage: stage)
    let job = try Self.job(in: text)
    let side = pattern.hasSuffix("read") ? job.read : job.write
    return Figures(
      operationsPerSecond: side.iops,
      bytesPerSecond: side.bw_bytes,
      operationCount: side.total_ios,
      seconds: side.runtime / 1000
    )
  }

  /// Writes what a log says (fio's "trace file format") to the end; returns the seconds it took.
  func replay(_ log: String) throws -> Double {
    let text = try Program.run(
      "fio",
      ["--name=bench", "--read_iolog=\(log)", "--ioengine=psync", "--output-format=json"],
      stage: stage
    )
    return try Self.job(in: text).write.runtime / 1000
  }

  /// The arguments for an export on a unix socket.
  static func nbd(_ socketPath: String, export: String = "") -> [String] {
    ["--ioengine=nbd", "--uri=nbd+unix:///\(export)?socket=\(socketPath)"]
  }

  private static func job(in text: String) throws -> Job {
    // fio may say something before its report.
    guard let start = text.firstIndex(of: "{") else { throw BenchError("fio said: \(text)") }
    let report = try JSONDecoder().decode(Report.self, from: Data(text[start...].utf8))
    guard let job = report.jobs.first, job.error == 0 else {
      throw BenchError("fio reports an error: \(text.prefix(400))")
    }
    return job
  }

  private struct Report: Decodable { var jobs: [Job] }

  private struct Job: Decodable {
    var error: Int
    var read: Side
    var write: Side
  }

  /// The names are fio's.
  private struct Side: Decodable {
    var iops: Double
    var bw_bytes: Double
    var total_ios: Double
    var runtime: Double
  }
}
