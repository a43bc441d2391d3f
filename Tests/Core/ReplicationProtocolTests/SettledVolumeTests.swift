// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

/// Disks that the receiver gets once.
struct SettledVolumeTests {
  private static let time = WallTime(milliseconds: 10_000)
  private static let later = WallTime(milliseconds: 15_000)

  /// A stream of two volumes, whose second one holds temporary data, linked to a receiver that has
  /// nothing.
  private static func linked() -> OutgoingStream {
    var stream = OutgoingStream(
      volumeSizes: VolumeSizes([1 << 20, 1 << 20]),
      volumeByteCount: 1 << 16,
      sideByteCount: 1 << 16,
      now: time
    )
    stream.settle([1], now: time)
    for volume in 0..<2 { _ = stream.tapOpened(volume: volume, now: time) }
    _ = stream.linkOpened(welcome(0, isComplete: false), now: time)
    return stream
  }

  private static func welcome(_ durable: UInt64, isComplete: Bool) -> StreamWelcome {
    StreamWelcome(durable: SequenceNumber(durable), isComplete: isComplete, isAccepting: true)
  }

  private static func synced() throws -> OutgoingStream {
    var stream = linked()
    let began = try #require(try stream.beginSync(now: time))
    #expect(try stream.endSync(generation: began, now: time))
    stream.acknowledged(through: SequenceNumber(2))
    return stream
  }

  @Test func `the first sync takes it, and nothing of it is sent or missed afterwards`() throws {
    var stream = Self.linked()
    let restsBefore = stream.rests(1)
    #expect(!restsBefore)
    let began = try #require(try stream.beginSync(now: Self.time))
    let isCommitted = stream.commitZeroes(
      volume: 1,
      offset: 0,
      count: 512,
      owner: 2,
      now: Self.time
    )
    #expect(isCommitted)
    let during = stream.last
    #expect(during == SequenceNumber(2))
    #expect(try stream.endSync(generation: began, now: Self.time))
    let unknown = stream.remoteCopy
    #expect(unknown == .unknown)
    stream.acknowledged(through: SequenceNumber(3))
    let whole = stream.remoteCopy
    #expect(whole == .whole)

    let isTaken = stream.commitZeroes(volume: 1, offset: 0, count: 512, owner: 2, now: Self.time)
    let room = unsafe stream.reserve(volume: 1, count: 512, owner: 2) == nil
    #expect(isTaken && room)
    stream.tapClosed(volume: 1, owner: 2, now: Self.time)
    let (last, mode, age) = (stream.last, stream.mode, stream.ageOfOldestMissing(now: Self.later))
    #expect(last == SequenceNumber(3) && mode == .ordered && age == 0)
    let hasAllTaps = stream.hasAllTaps
    #expect(hasAllTaps)
    let refusal = stream.prepareMark([])
    #expect(refusal == nil)
  }

  @Test func `a VM that is off is at rest though the disk lost its tap long before`() throws {
    var stream = try Self.synced()
    stream.tapClosed(volume: 1, owner: 2, now: Self.time)
    stream.tapClosed(volume: 0, owner: 1, now: Self.time)
    let isAtRest = stream.isAtRest
    #expect(isAtRest)
  }

  @Test func `a sync of the other disks begins without its tap`() throws {
    var stream = try Self.synced()
    stream.tapClosed(volume: 1, owner: 2, now: Self.time)
    stream.setPaused(true, now: Self.time)
    stream.setPaused(false, now: Self.time)
    #expect(try stream.beginSync(now: Self.time) != nil)
  }

  @Test func `a receiver that begins anew needs it again, with its tap`() throws {
    var stream = try Self.synced()
    stream.tapClosed(volume: 1, owner: 2, now: Self.time)
    _ = stream.linkOpened(Self.welcome(0, isComplete: false), now: Self.time)
    let copy = stream.remoteCopy
    #expect(copy == .partial)
    let hasAllTaps = stream.hasAllTaps
    #expect(!hasAllTaps)
    #expect(throws: SyncInterruption.cancelled) { _ = try stream.beginSync(now: Self.time) }
    _ = stream.tapOpened(volume: 1, now: Self.time)
    #expect(try stream.beginSync(now: Self.time) != nil)
  }

  @Test func `a receiver that lost something is given it again`() throws {
    var stream = try Self.synced()
    _ = stream.linkOpened(Self.welcome(1, isComplete: true), now: Self.time)
    let (copy, rests) = (stream.remoteCopy, stream.rests(1))
    #expect(copy == .partial && !rests)
  }

  @Test func `one whose writes are wanted again has the stream synced`() throws {
    var stream = try Self.synced()
    stream.settle([1], now: Self.time)
    let before = stream.mode
    #expect(before == .ordered)
    stream.settle([], now: Self.time)
    let after = stream.mode
    #expect(after == .dropping)
    let isCommitted = stream.commitZeroes(
      volume: 1,
      offset: 0,
      count: 512,
      owner: 2,
      now: Self.time
    )
    let age = stream.ageOfOldestMissing(now: Self.later)
    #expect(isCommitted && age == 5000)
  }
}
