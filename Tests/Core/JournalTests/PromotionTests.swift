// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `Promoting a journal` {
  private func filled() throws -> (Fixture, StreamJournal) {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 0, [1]), fixture.recording.mark(1),
      fixture.recording.write(0, 0, [2]), fixture.recording.mark(2),
      fixture.recording.write(0, 0, [3]),
    ])
    return (fixture, journal)
  }

  @Test func `leaves the replicas at that checkpoint and nothing else`() throws {
    var (fixture, journal) = try filled()
    try journal.promote(CheckpointIdentifier(2))
    try journal.promote(CheckpointIdentifier(2))
    #expect(fixture.replicas[0][0] == 2)
    #expect(fixture.segmentNames == [])
    let next = fixture.recording.mark(3)
    #expect(throws: JournalError.promoted) {
      try fixture.open().append([
        Recording.Entry(
          record: StreamRecord(sequence: SequenceNumber(7), time: next.record.time, kind: .mark),
          payload: []
        )
      ])
    }
    let opened = try fixture.open()
    #expect(opened.state.isPromoted)
    #expect(opened.checkpoints().map(\.identifier.number) == [2])
    #expect(throws: JournalError.unknownCheckpoint(CheckpointIdentifier(1))) {
      try opened.promote(CheckpointIdentifier(1))
    }
  }

  @Test func `lets those read on who hold that checkpoint`() throws {
    let (fixture, journal) = try filled()
    let point = try #require(journal.sequence(of: CheckpointIdentifier(1)))
    _ = try journal.hold(point)
    try journal.promote(CheckpointIdentifier(1))
    #expect(try fixture.difference(journal, asOf: point) == nil)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `waits for holds of other points`(held: UInt64) throws {
    let (fixture, journal) = try filled()
    let point = try #require(journal.sequence(of: CheckpointIdentifier(held)))
    let hold = try journal.hold(point)
    #expect(throws: JournalError.held(point)) {
      try journal.promote(CheckpointIdentifier(3 - held))
    }
    #expect(try fixture.difference(journal, asOf: point) == nil)
    journal.release(hold)
    try journal.promote(CheckpointIdentifier(3 - held))
  }
}
