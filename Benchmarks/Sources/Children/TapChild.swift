// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Foundation
import NBDTransport
import RecoveryModel
import ReplicationProtocol

/// A tap that stands alone: the product's export and buffer, and a consumer that only releases what
/// was acknowledged to the writer.
enum TapChild {
  /// How long the consumer sleeps between two releases, in microseconds.
  private static let pause: UInt32 = 500

  /// Serves; its arguments are socket, volume size and buffer size.
  ///
  /// For each line it is given it says how many
  /// records the buffer has taken.
  static func run(_ words: inout Child.Words) throws {
    let socketPath = try words.next()
    let byteCount = UInt64(try words.number())
    let buffer = StreamBuffer(
      volumeSizes: VolumeSizes([1 << 40]),
      byteCount: UInt64(try words.number())
    )
    _ = buffer.linkOpened(
      StreamWelcome(durable: SequenceNumber(0), isComplete: true, isAccepting: true)
    )
    let server = try NBDServer(socketPath: socketPath) { _ in
      TapExport(buffer: buffer, volume: 0, byteCount: byteCount)
    }
    try server.start()
    Thread.detachNewThread {
      while true {
        // Only a tap that is connected can be brought into order.
        if !buffer.isOrdered { try? putInOrder(buffer) }
        buffer.acknowledged(through: buffer.last)
        usleep(pause)
      }
    }
    say("ready")
    while readLine() != nil { say("\(buffer.last.rawValue)") }
    server.stop()
  }

  /// What a sync without anything to copy does: from here on writes are kept.
  private static func putInOrder(_ buffer: StreamBuffer) throws {
    let generation = try buffer.beginSync { false }
    try buffer.endSync(generation: generation) { false }
  }
}

/// ``TapChild`` seen from the benchmark.
struct Tap {
  let socketPath: String
  let process: ProcessFigures
  private let program: Program

  static let export = "disk"

  init(byteCount: Int, stage: Stage) throws {
    socketPath = stage.path("tap.sock")
    program = try stage.start(
      Machine.bench,
      ["child", "tap", socketPath, "\(byteCount)", "\(256 << 20)"]
    )
    guard program.readLine() == "ready" else { throw BenchError("the tap does not start") }
    process = ProcessFigures(identifier: program.identifier)
  }

  /// Fails unless the buffer took the writes of `body`, whose number it returns.
  func keeping<Result>(_ body: () throws -> (Double, Result)) throws -> Result {
    let before = try keptCount()
    let (writeCount, result) = try body()
    let kept = try keptCount() - before
    guard kept >= writeCount * 0.99 else {
      throw BenchError("the tap kept \(Int(kept)) of \(Int(writeCount)) writes")
    }
    return result
  }

  private func keptCount() throws -> Double {
    try program.send("count")
    guard let count = program.readLine().flatMap({ Double($0) }) else {
      throw BenchError("the tap ended")
    }
    return count
  }
}
