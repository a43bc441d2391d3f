// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct HeldStreamTests {
  private static let time = WallTime(milliseconds: 1000)

  /// A stream in order, with one volume whose tap is connection 1, and two records.
  private static func ordered() throws -> OutgoingStream {
    var stream = OutgoingStream(
      volumeSizes: VolumeSizes([1 << 20]),
      volumeByteCount: 1 << 16,
      sideByteCount: 1 << 16,
      recordCapacity: 8,
      now: time
    )
    _ = stream.tapOpened(volume: 0, now: time)
    _ = stream.linkOpened(
      StreamWelcome(durable: SequenceNumber(0), isComplete: true, isAccepting: true),
      now: time
    )
    let generation = try #require(try stream.beginSync(now: time))
    _ = try stream.endSync(generation: generation, now: time)
    return stream
  }

  private static func write(_ stream: inout OutgoingStream, _ byte: UInt8) {
    stream.reserve(volume: 0, count: 1, owner: 1)?.copyBytes(from: [byte])
    _ = stream.commitWrite(
      volume: 0,
      offset: 0,
      count: 1,
      checksum: 0,
      owner: 1,
      now: time
    )
  }

  private static func take(
    _ stream: borrowing OutgoingStream,
    after sequence: UInt64
  ) -> (kinds: [StreamRecord.Kind], bytes: [UInt8]) {
    let batch = RecordBatch()
    var payloads: [UnsafeRawBufferPointer] = []
    stream.take(
      after: SequenceNumber(sequence),
      into: batch,
      byteLimit: 1 << 20,
      payloads: &payloads
    )
    let isInOrder = batch.records.indices.allSatisfy {
      batch.records[$0].sequence.rawValue == sequence + 1 + UInt64($0)
    }
    #expect(isInOrder)
    return (batch.records.map(\.kind), payloads.flatMap { Array($0) })
  }

  private static func checkpoint(_ tag: String) -> Checkpoint {
    Checkpoint(identifier: CheckpointIdentifier(7), time: time, tag: tag)
  }

  @Test func `a mark goes in before what was written while it was held`() throws {
    var stream = try Self.ordered()
    stream.acknowledged(through: SequenceNumber(2))
    // Round and round, so that the place is at the ring's seam too.
    for turn in 0..<8 as Range<UInt64> {
      var hold = 10 * Int64(turn)
      let start = 2 + 4 * turn
      Self.write(&stream, 1)
      let mark = Checkpoint(
        identifier: CheckpointIdentifier(turn + 1),
        time: Self.time,
        tag: "noon"
      )
      let refusal = stream.beginHold(mark, now: hold, limit: 5)
      #expect(refusal == nil)
      Self.write(&stream, 2)
      Self.write(&stream, 3)
      let held = Self.take(stream, after: start)
      #expect(held.kinds == [.write] && held.bytes == [1])
      hold += 4
      let trouble = stream.prepareHeldMark(mark.identifier, now: hold)
      #expect(trouble == nil)
      stream.endHoldWithMark(now: hold)
      let rest = Self.take(stream, after: start + 1)
      #expect(rest.kinds == [.mark, .write, .write])
      #expect(rest.bytes == Array("noon".utf8) + [2, 3])
      stream.acknowledged(through: SequenceNumber(start + 4))
    }
    let count = stream.heldByteCount
    #expect(count == 0)
  }

  @Test func `a mark whose time is over, or that has no room, stays out`() throws {
    var stream = try Self.ordered()
    let mark = Self.checkpoint("")
    _ = stream.beginHold(mark, now: 0, limit: 5)
    let late = stream.prepareHeldMark(mark.identifier, now: 5)
    #expect(late?.contains("not held") == true)
    for byte in 0..<6 as Range<UInt8> { Self.write(&stream, byte) }
    let full = stream.prepareHeldMark(mark.identifier, now: 4)
    #expect(full?.contains("no room") == true)
    stream.endHold(mark.identifier, now: 4)
    let all = Self.take(stream, after: 2)
    #expect(all.bytes == [0, 1, 2, 3, 4, 5])
  }

  @Test func `a mark of one appliance waits for one of several`() throws {
    var stream = try Self.ordered()
    _ = stream.beginHold(Self.checkpoint(""), now: 0, limit: 5)
    let reason = stream.prepareMark([])
    #expect(reason?.contains("held") == true)
  }

  @Test func `a stream whose taps were closed in order is at rest, and takes marks`() throws {
    var stream = try Self.ordered()
    Self.write(&stream, 1)
    stream.tapClosed(volume: 0, owner: 1, now: Self.time)
    let (mode, isAtRest) = (stream.mode, stream.isAtRest)
    #expect(mode == .dropping && isAtRest)
    let later = WallTime(milliseconds: 5000)
    let age = stream.ageOfOldestRecord(now: later)
    #expect(age == 4000)
    stream.acknowledged(through: SequenceNumber(3))
    let (rest, missing) = (
      stream.ageOfOldestRecord(now: later), stream.ageOfOldestMissing(now: later)
    )
    #expect(rest == 0 && missing == 4000)
    let unknown = stream.prepareMark([])
    #expect(unknown?.contains("sync") == true, "nobody has said that the VM is off")
    let refusal = stream.prepareMark([], isOff: true)
    #expect(refusal == nil)
    stream.appendMark(Self.checkpoint(""), [])
    let marked = Self.take(stream, after: 3)
    #expect(marked.kinds == [.mark])
    // The VM is started again, and writes before a sync begins.
    _ = stream.tapOpened(volume: 0, now: later)
    let isTapped = !stream.isAtRest
    #expect(isTapped)
    stream.tapClosed(volume: 0, owner: 2, now: later)
    let isMissing = !stream.isAtRest
    #expect(isMissing, "what was written meanwhile may be missing")
    let refused = stream.prepareMark([], isOff: true)
    #expect(refused?.contains("sync") == true)
  }
}
