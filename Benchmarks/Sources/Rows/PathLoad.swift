// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel

/// Writes through a pair of appliances, never more than its buffer takes unless that is the point.
struct PathLoad {
  let pair: AppliancePair
  let writer: NBDWriter
  /// The stream's position and the writer's when they were even.
  private let even: (sequence: UInt64, byteCount: Int)

  private static let glance = Duration.milliseconds(20)

  /// Takes a stream in which everything that was written is acknowledged.
  init(pair: AppliancePair, writer: NBDWriter) async throws {
    self.pair = pair
    self.writer = writer
    even = (try await pair.status().acknowledgedSequence, writer.sentByteCount)
  }

  /// Bytes per second that become durable at the other site while the buffer is kept half full.
  func sustained(_ data: Sample, _ effort: Effort) async throws -> Double {
    _ = try await checkedStatus()
    writer.write(data)
    defer { writer.holdBack() }
    let before = try await keepHalfFull(seconds: 0.7).acknowledgedSequence
    let began = now()
    let after = try await keepHalfFull(seconds: effort.seconds).acknowledgedSequence
    let seconds = now() - began
    writer.holdBack()
    try await pair.drain()
    return Double(after - before) * Double(NBDWriter.writeSize) / seconds
  }

  private func keepHalfFull(seconds: Double) async throws -> StreamStatus {
    let end = now() + seconds
    while true {
      let status = try await checkedStatus()
      if now() >= end { return status }
      try await Task.sleep(for: Self.glance)
    }
  }

  /// Lets the writer go on as far as half of the buffer beyond what is durable at the other site.
  ///
  /// Fails if the stream has lost its order: then writes were not kept.
  private func checkedStatus() async throws -> StreamStatus {
    try writer.check()
    let status = try await pair.status()
    guard status.sync == .ordered else {
      throw BenchError("the stream lost its order: \(status.lastError)")
    }
    let acknowledged = Int(status.acknowledgedSequence - even.sequence) * NBDWriter.writeSize
    writer.limit(to: even.byteCount + acknowledged + Int(status.bufferByteCount) / 2)
    return status
  }

  /// The RPO as the sender shows it, looked at 20 times a second, with a checkpoint every second
  /// that must all get into the journal.
  func recoveryPointRows(
    _ data: Sample,
    bytesPerSecond: Double,
    seconds: Double
  ) async throws -> [Row] {
    say("  RPO at \(Table.figure(bytesPerSecond / 1e6)) MB/s for \(Int(seconds)) s")
    _ = try await checkedStatus()
    writer.write(data, bytesPerSecond: bytesPerSecond)
    defer { writer.holdBack() }
    let (began, sentBefore) = (now(), writer.sentByteCount)
    var samples: [Double] = []
    var marked: [UInt64] = []
    var asked: UInt64 = 0
    while now() - began < seconds {
      if Double(asked) <= now() - began {
        asked += 1
        if try await pair.mark(asked) { marked.append(asked) }
      }
      samples.append(Double(try await checkedStatus().rpoInMilliseconds))
      try await Task.sleep(for: .milliseconds(50))
    }
    let rate = Double(writer.sentByteCount - sentBefore) / (now() - began)
    guard rate >= 0.9 * bytesPerSecond else {
      throw BenchError("the writer reached \(Int(rate / 1e6)) MB/s only")
    }
    writer.holdBack()
    try await pair.drain()
    try await checkCheckpoints(marked, asked: asked)
    return [
      Row("rpo-median", ours: samples.median { $0 }, unit: "ms", atMost: 1000),
      Row("rpo-worst", ours: samples.max() ?? .nan, unit: "ms", atMost: 3000),
    ]
  }

  private func checkCheckpoints(_ marked: [UInt64], asked: UInt64) async throws {
    let durable = try await pair.recovery.client.checkpoints(of: AppliancePair.stream)
    let numbers = Set(durable.map(\.identifier.number))
    // The journal may have reached its limit and let the first ones go.
    let expected = marked.filter { $0 >= numbers.min() ?? 0 }
    guard !numbers.isEmpty, numbers.isSuperset(of: expected), marked.count * 20 >= asked * 19 else {
      throw BenchError("\(asked) checkpoints, \(marked.count) marked, \(numbers.count) durable")
    }
  }

  /// Writes faster than the link carries, until the buffer has been full.
  func fillBuffer(_ data: Sample) async throws {
    writer.limit(to: Int.max)
    writer.write(data)
    defer { writer.holdBack() }
    try await waitUntil("the buffer is full") {
      try await pair.status().sync == .idle
    }
  }
}
