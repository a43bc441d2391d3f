// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `A journal` {
  @Test func `takes the first sync into the replicas and has no points before it ends`() throws {
    var fixture = Fixture()
    let journal = try fixture.open()
    try journal.append([
      fixture.recording.syncBegan(1), fixture.recording.write(0, 100, [1, 2, 3]),
      fixture.recording.mark(1),
    ])
    #expect(journal.state.sync == .initialSync)
    #expect(Array(fixture.replicas[0][99...103]) == [0, 1, 2, 3, 0])
    #expect(journal.checkpoints() == [])
    #expect(throws: JournalError.incomplete) {
      try journal.content(0, count: 1, asOf: SequenceNumber(3))
    }
    try journal.append([fixture.recording.syncEnded()])
    #expect(journal.state.sync == .ordered)
    #expect(journal.state.folded == SequenceNumber(4))
    #expect(fixture.segmentNames == [])
  }

  @Test func `reads any point between the replicas and the last record`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    // Across the border of two chunks, overlapping, with a hole in the middle.
    try journal.append([
      fixture.recording.write(0, 60_000, [UInt8](repeating: 1, count: 20_000)),
      fixture.recording.write(0, 65_000, [UInt8](repeating: 2, count: 2000)),
      fixture.recording.zeroes(0, 65_500, 100),
      fixture.recording.write(1, 0, [9]),
    ])
    for sequence in 2...6 as ClosedRange<UInt64> {
      #expect(try fixture.difference(journal, asOf: SequenceNumber(sequence)) == nil)
    }
    #expect(throws: JournalError.pointAhead(SequenceNumber(7))) {
      try journal.content(0, count: 1, asOf: SequenceNumber(7))
    }
  }

  @Test func `tells zeroes of any point where there are zeroes, and covers what it is asked`()
    throws
  {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 60_000, [UInt8](repeating: 1, count: 20_000)),
      fixture.recording.zeroes(0, 65_500, 100),
      fixture.recording.zeroes(0, 70_000, 60_000),
      fixture.recording.write(0, 70_100, [2]),
    ])
    func told(_ point: UInt64, _ offset: UInt64, _ count: UInt64) throws -> [VolumeExtent] {
      try journal.extents(
        volume: 0,
        at: offset,
        count: count,
        asOf: SequenceNumber(point),
        limit: 100
      )
    }
    #expect(
      try told(6, 65_000, 6000) == [
        VolumeExtent(count: 500, isZero: false), VolumeExtent(count: 100, isZero: true),
        VolumeExtent(count: 4400, isZero: false), VolumeExtent(count: 100, isZero: true),
        VolumeExtent(count: 1, isZero: false), VolumeExtent(count: 899, isZero: true),
      ]
    )
    #expect(try told(3, 65_000, 6000) == [VolumeExtent(count: 6000, isZero: false)])
    for point in 2...6 as ClosedRange<UInt64> {
      var offset = 0
      for extent in try told(point, 0, 150_000) {
        let bytes = try journal.content(0, count: 150_000, asOf: SequenceNumber(point))
        let run = bytes[offset..<offset + Int(extent.count)]
        if extent.isZero { #expect(run.allSatisfy { $0 == 0 }) }
        offset += run.count
      }
      #expect(offset == 150_000)
    }
    let two = try journal.extents(
      volume: 0,
      at: 65_000,
      count: 6000,
      asOf: SequenceNumber(6),
      limit: 2
    )
    #expect(two.map(\.count) == [500, 100])
    let latest = try journal.latestExtents(volume: 0, at: 65_000, count: 6000, limit: 100)
    #expect(latest == (try told(6, 65_000, 6000)))
  }

  @Test func `refuses records that do not follow the last one`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    _ = fixture.recording.mark(1)
    let later = fixture.recording.mark(2)
    #expect(
      throws: JournalError.gap(expected: SequenceNumber(3), found: SequenceNumber(4))
    ) { try journal.append([later]) }
    #expect(journal.state.durable == SequenceNumber(2))
  }

  @Test func `refuses a payload that is not what its checksum says`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    var entry = fixture.recording.write(0, 0, [1, 2, 3])
    entry.payload[1] = 7
    #expect(throws: JournalError.malformed(SequenceNumber(3))) { try journal.append([entry]) }
  }

  @Test(arguments: [(0, 149_999, 2), (2, 0, 1)])
  func `refuses a range that no volume has`(volume: Int, offset: Int, count: Int) throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    let entry = fixture.recording.write(volume, offset, [UInt8](repeating: 1, count: count))
    #expect(throws: JournalError.malformed(SequenceNumber(3))) { try journal.append([entry]) }
  }

  @Test func `goes on after a write that failed`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    let entry = fixture.recording.write(0, 0, [1, 2, 3])
    fixture.disk.failOnce()
    #expect(throws: JournalError.self) { try journal.append([entry]) }
    #expect(journal.state.durable == SequenceNumber(3))
    try journal.append([entry])
    #expect(try fixture.difference(journal, asOf: SequenceNumber(4)) == nil)
  }

  @Test func `does not take up after a restart what it said had failed`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    // The write reaches the file, its sync fails.
    fixture.disk.die(after: 1)
    #expect(throws: JournalError.self) { try journal.append([fixture.recording.mark(2)]) }
    fixture.disk.revive()
    try journal.makeReady()
    #expect(try fixture.open().state.durable == SequenceNumber(3))
  }

  @Test func `shows no checkpoints of a sync, also if a restart comes between`() throws {
    var fixture = Fixture()
    var journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.mark(1), fixture.recording.syncBegan(2), fixture.recording.mark(2),
    ])
    #expect(journal.state.sync == .deltaSync)
    journal = try fixture.open()
    #expect(journal.state.sync == .deltaSync)
    try journal.append([
      fixture.recording.mark(3), fixture.recording.syncBegan(3), fixture.recording.mark(4),
    ])
    #expect(journal.state.sync == .bitmapSync)
    try journal.append([fixture.recording.syncEnded(), fixture.recording.mark(5)])
    #expect(journal.checkpoints().map(\.identifier.number) == [1, 5])
    // A fold into the middle of the sync does not make the marks after it any better.
    try journal.fold(through: SequenceNumber(4))
    journal = try fixture.open()
    #expect(journal.checkpoints().map(\.identifier.number) == [5])
  }

  @Test func `keeps tag, time and quiescence of a checkpoint that is folded exactly`() throws {
    var fixture = Fixture()
    var journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.mark(1), fixture.recording.mark(2, tag: "vor dem Übel 🦠", isQuiesced: true),
      fixture.recording.write(0, 0, [1]), fixture.recording.mark(3),
    ])
    let second = journal.checkpoints()[1]
    try journal.fold(through: SequenceNumber(4))
    #expect(journal.checkpoints().map(\.identifier.number) == [2, 3])
    journal = try fixture.open()
    #expect(journal.checkpoints().first == second)
    #expect(journal.checkpoints().map(\.isQuiesced) == [true, false])
    #expect(second.tag == "vor dem Übel 🦠")
    #expect(journal.sequence(of: CheckpointIdentifier(1)) == nil)
    #expect(throws: JournalError.pointGone(SequenceNumber(3))) {
      try journal.hold(SequenceNumber(3))
    }
  }

  @Test func `begins anew with another first sync, unless a point is held`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    let hold = try journal.hold(SequenceNumber(3))
    let began = fixture.recording.syncBegan(1)
    #expect(throws: JournalError.held(SequenceNumber(3))) { try journal.append([began]) }
    journal.release(hold)
    try journal.append([began, fixture.recording.write(0, 0, [5])])
    #expect(journal.checkpoints() == [])
    #expect(journal.state.isComplete == false)
    #expect(fixture.segmentNames == [])
    #expect(try fixture.open().state.isComplete == false)
    try journal.append([fixture.recording.syncEnded()])
    #expect(try fixture.open().state.durable == SequenceNumber(6))
  }

  @Test func `does not believe memory about a write of the first sync that failed`() throws {
    for seed in 0..<20 as Range<UInt64> {
      var fixture = Fixture(seed: seed)
      for isReopened in [false, true] {
        fixture = Fixture(seed: seed)
        var journal = try fixture.open()
        try journal.append([fixture.recording.syncBegan(1)])
        fixture.disk.failOnce("sync")
        let entry = fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 4096))
        #expect(throws: JournalError.self) { try journal.append([entry]) }
        if isReopened { journal = try fixture.open() }
        let seen = try journal.latest(0, count: 4096)
        fixture.disk.cutPower()
        #expect(try fixture.open().latest(0, count: 4096) == seen)
      }
    }
  }

  @Test func `remembers how far the first sync came`() throws {
    var fixture = Fixture()
    let journal = try fixture.open()
    try journal.append([fixture.recording.syncBegan(1), fixture.recording.write(0, 0, [1])])
    try journal.append([fixture.recording.write(0, 1, [2])])
    #expect(try fixture.open().state.durable == SequenceNumber(2))
    try journal.saveProgress()
    #expect(try fixture.open().state.durable == SequenceNumber(3))
  }

  @Test func `takes any time of a record in the first sync`() throws {
    var fixture = Fixture()
    let journal = try fixture.open()
    try journal.append([fixture.recording.syncBegan(1)])
    for time in [Int64.min, Int64.max, 0, Int64.min] {
      var entry = fixture.recording.write(0, 0, [1])
      entry.record.time = WallTime(milliseconds: time)
      try journal.append([entry])
    }
    #expect(journal.state.durable == SequenceNumber(5))
  }

  @Test func `remembers the progress of the first sync once a second`() throws {
    var fixture = Fixture()
    let journal = try fixture.open()
    try journal.append([fixture.recording.syncBegan(1)])
    try journal.append([fixture.recording.write(0, 0, [1])])
    #expect(try fixture.open().state.durable == SequenceNumber(1))
    fixture.recording.pass(seconds: 1)
    try journal.append([fixture.recording.write(0, 1, [2])])
    #expect(try fixture.open().state.durable == SequenceNumber(3))
  }
}
