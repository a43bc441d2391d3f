// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

/// What the simulation found first, said plainly.
struct OutgoingStreamTests {
  private static let time = WallTime(milliseconds: 10_000)
  private static let later = WallTime(milliseconds: 15_000)

  /// A stream whose volumes have taps, linked, with nothing in it.
  private static func linked() -> OutgoingStream {
    var stream = OutgoingStream(
      volumeSizes: VolumeSizes([1 << 20, 1 << 20]),
      volumeByteCount: 1 << 16,
      sideByteCount: 1 << 16,
      recordCapacity: 8,
      now: time
    )
    for volume in 0..<2 { _ = stream.tapOpened(volume: volume, now: time) }
    _ = stream.linkOpened(welcome(0), now: time)
    return stream
  }

  private static func welcome(_ durable: UInt64) -> StreamWelcome {
    StreamWelcome(durable: SequenceNumber(durable), isComplete: true, isAccepting: true)
  }

  @Test func `a sync waits until the other site has what was kept before`() throws {
    var stream = Self.linked()
    let began = try #require(try stream.beginSync(now: Self.time))
    #expect(try stream.endSync(generation: began, now: Self.time))
    stream.setPaused(true, now: Self.time)
    stream.setPaused(false, now: Self.time)
    #expect(try stream.beginSync(now: Self.time) == nil)
    stream.acknowledged(through: SequenceNumber(2))
    #expect(try stream.beginSync(now: Self.time) != nil)
  }

  @Test func `no sync begins without all taps`() throws {
    var stream = Self.linked()
    stream.tapClosed(volume: 1, owner: 2, now: Self.time)
    #expect(throws: SyncInterruption.cancelled) { _ = try stream.beginSync(now: Self.time) }
  }

  @Test func `what is dropped when numbers begin anew is missing since it was written`() throws {
    var stream = Self.linked()
    let began = try #require(try stream.beginSync(now: Self.time))
    #expect(try stream.endSync(generation: began, now: Self.time))
    stream.acknowledged(through: SequenceNumber(2))
    _ = stream.commitZeroes(volume: 0, offset: 0, count: 512, owner: 1, now: Self.time)
    _ = stream.linkOpened(Self.welcome(1), now: Self.later)
    #expect(stream.ageOfOldestMissing(now: Self.later) == 5000)
  }
}
