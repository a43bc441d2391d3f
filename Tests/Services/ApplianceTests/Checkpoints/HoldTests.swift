// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

struct HoldTests {
  private static let stream = StreamIdentifier("a")

  private static func hold(_ number: UInt64, _ buffer: StreamBuffer, tag: String = "") -> String? {
    StreamBuffer.hold(
      MarkTests.checkpoint(number, tag: tag),
      in: [(stream, buffer)],
      limitInMicroseconds: AcknowledgementHold.longestMicroseconds
    )
  }

  private static func release(_ number: UInt64, _ buffer: StreamBuffer, keeps: Bool) -> String? {
    StreamBuffer.release(
      CheckpointIdentifier(number),
      in: [(stream, buffer)],
      keepsMark: keeps
    )
  }

  @Test func `a mark goes in before what was written while it was held`() async throws {
    let (buffer, taps) = try StreamBufferTests.ordered()
    try StreamBufferTests.write(taps[0], [1], at: 0)
    #expect(Self.hold(1, buffer, tag: "noon") == nil)
    let tap = taps[0]
    let write = Thread { try? StreamBufferTests.write(tap, [2], at: 0) }
    write.start()
    // The guest's write has its place, and nobody has seen it yet.
    while buffer.monitor.withLock({ buffer.stream.last }) < SequenceNumber(4) {
      await Task.yield()
    }
    #expect(StreamBufferTests.take(buffer, after: 2).records.map(\.kind) == [.write])
    #expect(Self.release(1, buffer, keeps: true) == nil)
    #expect(Self.release(1, buffer, keeps: true) == nil, "asked again, it is still made")
    while !write.isFinished { await Task.yield() }
    let batch = StreamBufferTests.take(buffer, after: 3)
    #expect(batch.records.map(\.kind) == [.mark, .write])
    #expect(batch.records.map(\.sequence.rawValue) == [4, 5])
    #expect(Array(batch.payload) == Array("noon".utf8) + [2])
    #expect(buffer.monitor.withLock { buffer.stream.hold.lengths.count } == 1)
  }

  @Test func `a guest goes on by itself when nobody releases it, and the mark comes too late`()
    throws
  {
    let (buffer, taps) = try StreamBufferTests.ordered()
    #expect(Self.hold(1, buffer) == nil)
    try StreamBufferTests.write(taps[0], [1], at: 0)
    #expect(Self.release(1, buffer, keeps: true)?.contains("not held") == true)
    #expect(StreamBufferTests.take(buffer, after: 2).records.map(\.kind) == [.write])
    let lengths = buffer.monitor.withLock { buffer.stream.hold.lengths }
    #expect(lengths.voidCount == 1)
    #expect(lengths.worst >= AcknowledgementHold.longestMicroseconds)
  }

  @Test func `a stream that loses its order lets its guest go and gets no mark`() throws {
    let (buffer, taps) = try StreamBufferTests.ordered()
    #expect(Self.hold(1, buffer) == nil)
    buffer.setPaused(true)
    try StreamBufferTests.write(taps[0], [1], at: 0)
    #expect(Self.release(1, buffer, keeps: true)?.contains("not held") == true)
    #expect(Self.hold(2, buffer)?.contains("sync") == true)
  }

  @Test func `one stream that cannot hold frees all others`() throws {
    let (first, taps) = try StreamBufferTests.ordered()
    let (second, _) = try StreamBufferTests.ordered()
    second.setPaused(true)
    let reason = StreamBuffer.hold(
      MarkTests.checkpoint(1),
      in: [(StreamIdentifier("a"), first), (StreamIdentifier("b"), second)],
      limitInMicroseconds: AcknowledgementHold.longestMicroseconds
    )
    #expect(reason?.contains("stream b") == true)
    #expect(first.monitor.withLock { first.stream.hold.held } == nil)
    try StreamBufferTests.write(taps[0], [1], at: 0)
  }
}
