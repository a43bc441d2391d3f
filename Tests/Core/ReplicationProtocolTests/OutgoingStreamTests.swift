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

  private static func welcome(_ durable: UInt64, isComplete: Bool = true) -> StreamWelcome {
    StreamWelcome(durable: SequenceNumber(durable), isComplete: isComplete, isAccepting: true)
  }

  @Test func `a first sync goes on with the receiver that had its beginning`() throws {
    var stream = Self.linked()
    _ = stream.linkOpened(Self.welcome(7, isComplete: false), now: Self.time)
    let (earlier, later) = (SequenceNumber(7), SequenceNumber(8))
    let answer1 = stream.canUseChanges(since: earlier)
    #expect(answer1)
    let answer2 = stream.canUseChanges(since: later)
    #expect(!answer2)
    _ = try #require(try stream.beginSync(usingChanges: true, now: Self.time))
    let answer7 = stream.mode
    #expect(answer7 == .syncing(.initialSync))
    stream.acknowledged(through: later)
    // Its number falls back: it lost count of what it wrote, not what it wrote.
    _ = stream.linkOpened(Self.welcome(7, isComplete: false), now: Self.time)
    let answer3 = stream.canUseChanges(since: earlier)
    #expect(answer3)
    // One that never acknowledged anything is another one.
    _ = stream.linkOpened(Self.welcome(0, isComplete: false), now: Self.time)
    let answer4 = stream.canUseChanges(since: SequenceNumber(0))
    #expect(!answer4)
    let answer5 = stream.canUseChanges(since: earlier)
    #expect(!answer5)
  }

  @Test func `a receiver that lost what completed its copy is compared as a whole`() throws {
    var stream = Self.linked()
    _ = stream.linkOpened(Self.welcome(7), now: Self.time)
    let began = try #require(try stream.beginSync(usingChanges: true, now: Self.time))
    let answer8 = stream.mode
    #expect(answer8 == .syncing(.bitmapSync))
    #expect(try stream.endSync(generation: began, now: Self.time))
    stream.acknowledged(through: SequenceNumber(9))
    _ = stream.linkOpened(Self.welcome(8), now: Self.time)
    let answer6 = stream.canUseChanges(since: SequenceNumber(7))
    #expect(!answer6)
    _ = try #require(try stream.beginSync(now: Self.time))
    let answer9 = stream.mode
    #expect(answer9 == .syncing(.deltaSync))
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
