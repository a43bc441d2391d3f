// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

struct HoldTests {
  private static let stream = StreamIdentifier("a")

  private static func hold(_ number: UInt64, _ buffer: StreamBuffer) -> String? {
    StreamBuffer.hold(
      MarkTests.checkpoint(number),
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
