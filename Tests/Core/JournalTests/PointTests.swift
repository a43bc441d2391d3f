// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `Points in time` {
  @Test func `are found by time, in any segment`() throws {
    var fixture = Fixture()
    var journal = try fixture.openCompleted()
    for number in 1...30 as ClosedRange<UInt8> {
      fixture.recording.pass(seconds: 10)
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: number, count: 20_000)),
        fixture.recording.write(0, 5, [number]),
      ])
    }
    for isReopened in [false, true] {
      if isReopened {
        try journal.maintain()
        journal = try fixture.open()
      }
      for entry in fixture.recording.entries.dropFirst(2) {
        let last = fixture.recording.entries.last { $0.record.time <= entry.record.time }
        #expect(try journal.sequence(at: entry.record.time) == last?.record.sequence)
        #expect(try journal.pointTime(of: entry.record.sequence) == entry.record.time)
        let later = WallTime(milliseconds: entry.record.time.milliseconds + 9999)
        #expect(try journal.sequence(at: later) == last?.record.sequence)
      }
    }
    let before = WallTime(milliseconds: 1000)
    #expect(try journal.sequence(at: before) == nil)
    try journal.fold(through: SequenceNumber(30))
    let gone = try #require(fixture.recording.entries.first { $0.record.sequence.rawValue == 20 })
    #expect(try journal.sequence(at: gone.record.time) == nil)
  }

  @Test func `are the newest ones when the sender's clock went back`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for seconds in [100, 100, -150, 20] {
      fixture.recording.pass(seconds: seconds)
      try journal.append([fixture.recording.write(0, 0, [1])])
    }
    let third = fixture.recording.entries[4].record
    #expect(try journal.sequence(at: third.time) == third.sequence)
  }

  @Test func `within a sync are refused`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 0, [1]), fixture.recording.syncBegan(2),
      fixture.recording.write(0, 0, [2]), fixture.recording.syncEnded(),
    ])
    for inside in [4, 5] as [UInt64] {
      #expect(throws: JournalError.insideSync(SequenceNumber(inside))) {
        try journal.hold(SequenceNumber(inside))
      }
    }
    try journal.validate(SequenceNumber(3))
    try journal.validate(SequenceNumber(6))
    #expect(throws: JournalError.pointAhead(SequenceNumber(7))) {
      try journal.validate(SequenceNumber(7))
    }
  }
}
