// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

struct MarkTests {
  static func checkpoint(_ number: UInt64, tag: String = "") -> Checkpoint {
    Checkpoint(
      identifier: CheckpointIdentifier(number),
      time: WallTime(milliseconds: 1000),
      tag: tag
    )
  }

  /// One writer that never writes to the second stream before the first one's write is done: at
  /// every mark the first is ahead by one write or not at all.
  @Test func `marks in two streams fall between the same writes`() async throws {
    let (first, firstTaps) = try StreamBufferTests.ordered()
    let (second, secondTaps) = try StreamBufferTests.ordered()
    let streams = [
      (name: StreamIdentifier("a"), buffer: first), (name: StreamIdentifier("b"), buffer: second),
    ]
    let writer = Thread {
      for number in 0..<20_000 as Range<UInt64> {
        try? StreamBufferTests.write(firstTaps[0], [1], at: number)
        try? StreamBufferTests.write(secondTaps[0], [1], at: number)
      }
      _ = StreamBuffer.mark(Self.checkpoint(.max), in: streams)
    }
    writer.start()
    var marks: UInt64 = 0
    while marks < 200 || !writer.isFinished {
      marks += 1
      #expect(StreamBuffer.mark(Self.checkpoint(marks, tag: "tag \(marks)"), in: streams) == nil)
      await Task.yield()
      if marks == 2000 { break }
    }
    while !writer.isFinished { await Task.yield() }
    let counts = [Self.writesBeforeMarks(first), Self.writesBeforeMarks(second)]
    #expect(counts[0].count == counts[1].count)
    #expect(counts[0].count > 200)
    for (one, other) in zip(counts[0], counts[1]) {
      #expect(one == other || one == other + 1)
    }
  }

  static func writesBeforeMarks(_ buffer: StreamBuffer) -> [Int] {
    var counts: [Int] = []
    var writes = 0
    var sequence: UInt64 = 0
    while case let batch = StreamBufferTests.take(buffer, after: sequence), let last = batch.last {
      for record in batch.records {
        if record.kind == .mark { counts.append(writes) }
        if record.kind == .write { writes += 1 }
      }
      sequence = last.rawValue
    }
    return counts
  }

  @Test func `a stream in a sync takes no mark`() throws {
    let (buffer, _) = try StreamBufferTests.ordered()
    buffer.setPaused(true)
    buffer.setPaused(false)
    buffer.acknowledged(through: SequenceNumber(2))
    _ = try buffer.beginSync { false }
    let reason = StreamBuffer.mark(Self.checkpoint(1), in: [(StreamIdentifier("a"), buffer)])
    #expect(reason?.contains("sync") == true)
  }

  @Test func `one stream out of order keeps the mark out of all`() throws {
    let (first, _) = try StreamBufferTests.ordered()
    let (second, _) = try StreamBufferTests.ordered()
    second.setPaused(true)
    let reason = StreamBuffer.mark(
      Self.checkpoint(1, tag: "t"),
      in: [(StreamIdentifier("a"), first), (StreamIdentifier("b"), second)]
    )
    #expect(reason?.contains("stream b") == true)
    #expect(StreamBufferTests.take(first, after: 2).isEmpty)
    let again = StreamBuffer.mark(
      Self.checkpoint(2, tag: "t"),
      in: [(StreamIdentifier("a"), first)]
    )
    #expect(again == nil, "what was reserved for the mark that failed was given back")
    let batch = StreamBufferTests.take(first, after: 2)
    #expect(batch.records.first?.time == WallTime(milliseconds: 1000))
    #expect(String(decoding: batch.payload, as: UTF8.self) == "t")
  }
}
