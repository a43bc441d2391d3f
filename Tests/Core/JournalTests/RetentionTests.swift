// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `Retention` {
  /// Writes that fill a segment each, a checkpoint after each, some seconds apart.
  private func fill(
    _ fixture: inout Fixture,
    _ journal: StreamJournal,
    count: Int,
    seconds: Int
  ) throws {
    for number in 1...UInt64(count) {
      fixture.recording.pass(seconds: seconds)
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: UInt8(number), count: 40_000)),
        fixture.recording.mark(number),
      ])
    }
  }

  @Test func `folds whole segments that are older than the history`() throws {
    var fixture = Fixture()
    fixture.settings.historySeconds = 1000
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 20, seconds: 100)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.checkpoints().map(\.identifier.number) == Array(9...20))
    #expect(try fixture.difference(journal, asOf: journal.state.folded) == nil)
  }

  @Test func `folds the oldest segments above the hard limit`() throws {
    var fixture = Fixture()
    fixture.settings.hardLimitByteCount = 200_000
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 10, seconds: 1)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.statistics.journalByteCount <= 200_000)
    #expect(journal.checkpoints().count >= 4)
  }

  @Test func `keeps the history of a stream that fell silent`() throws {
    var fixture = Fixture()
    fixture.settings.historySeconds = 1000
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 5, seconds: 100)
    fixture.recording.pass(seconds: 1_000_000)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.checkpoints().count == 5)
  }

  @Test func `does not believe a sender whose clock jumped ahead`() throws {
    var fixture = Fixture()
    fixture.settings.historySeconds = 1000
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 5, seconds: 100)
    let now = fixture.recording.time
    fixture.recording.pass(seconds: 1_000_000)
    try journal.append([fixture.recording.mark(6)])
    try journal.enforceRetention(now: now)
    #expect(journal.checkpoints().count == 6)
  }

  @Test func `gives up neither a held point nor the newest checkpoint`() throws {
    var fixture = Fixture()
    fixture.settings.hardLimitByteCount = 1
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 5, seconds: 1)
    let point = try #require(journal.sequence(of: CheckpointIdentifier(3)))
    let hold = try journal.hold(point)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.checkpoints().map(\.identifier.number) == [3, 4, 5])
    journal.release(hold)
    // A sync that fills segment after segment makes no checkpoints.
    try journal.append([fixture.recording.syncBegan(2)])
    for _ in 0..<5 {
      try journal.append([fixture.recording.write(0, 0, [UInt8](repeating: 9, count: 60_000))])
    }
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.checkpoints().last?.identifier == CheckpointIdentifier(5))
  }

  @Test func `says that the hard limit left less than is wanted, until it does not`() throws {
    var fixture = Fixture()
    fixture.settings.hardLimitByteCount = 200_000
    fixture.settings.historySeconds = 100
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 10, seconds: 20)
    try journal.enforceRetention(now: fixture.recording.time)
    let shortened = try #require(journal.statistics.shortened)
    #expect(shortened.reason == .hardLimit)
    #expect(shortened.wantedSeconds == 100)
    #expect(shortened.keptSeconds < 100)
    fixture.settings.hardLimitByteCount = 1 << 30
    journal.configure(fixture.settings)
    try fill(&fixture, journal, count: 10, seconds: 20)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.statistics.shortened == nil)
  }

  @Test func `gives up history when the disk is full, and nothing else`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 6, seconds: 20)
    try journal.maintain()
    let folded = journal.state.folded
    fixture.disk.setFull(true)
    // Not a byte is free from here on: what is written goes into the files there are.
    var refusals = 0
    for value in 1...12 as ClosedRange<UInt8> {
      while true {
        let record = fixture.recording.write(0, 0, [UInt8](repeating: value, count: 60_000))
        do { try journal.append([record, fixture.recording.mark(100 + UInt64(value))]) } catch {
          guard case JournalError.storage(.full) = error else { throw error }
          refusals += 1
          try #require(refusals < 40, "no room is made")
          fixture.recording.cut(after: journal.state.durable)
          try journal.enforceRetention(now: fixture.recording.time)
          continue
        }
        break
      }
      #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil, "\(value)")
    }
    #expect(refusals > 0 && journal.statistics.isSpaceShort)
    #expect(journal.state.folded > folded)
    #expect(journal.statistics.shortened?.reason == .diskFull)
    #expect(try fixture.open().state.durable == journal.state.durable)

    fixture.disk.setFull(false)
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(!journal.statistics.isSpaceShort)
    try journal.append([fixture.recording.mark(99)])
    #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil)
    #expect(try fixture.open().state.durable == journal.state.durable)
  }

  @Test func `does not give up history for room that it has set aside`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, count: 6, seconds: 20)
    try journal.maintain()
    #expect(journal.statistics.spareCount == 1)
    let folded = journal.state.folded
    fixture.disk.setFull(true)
    #expect(throws: JournalError.self) { try journal.prepare(byteCount: 1 << 20) }
    #expect(journal.statistics.isSpaceShort)
    // There is a segment that is ready, and a file for a fold.
    for _ in 0..<3 { try journal.enforceRetention(now: fixture.recording.time) }
    #expect(journal.state.folded == folded && journal.statistics.spareCount == 1)
  }
}
