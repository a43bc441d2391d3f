// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import Journal
import RecoveryModel
import Simulation
import Testing

@Suite struct `Changes between two points` {
  /// Bytes the records between two points name, byte by byte.
  private func expected(
    _ fixture: Fixture,
    _ volume: Int,
    after earlier: UInt64,
    through later: UInt64
  ) -> [Range<UInt64>] {
    var isWritten = [Bool](repeating: false, count: fixture.recording.volumeSizes[volume])
    for entry in fixture.recording.entries {
      let record = entry.record
      guard record.kind == .write || record.kind == .zeroes, Int(record.volume) == volume,
        record.sequence.rawValue > earlier, record.sequence.rawValue <= later
      else { continue }
      for place in Int(record.offset)..<Int(record.offset) + Int(record.length) {
        isWritten[place] = true
      }
    }
    var ranges: [Range<UInt64>] = []
    for (place, written) in isWritten.enumerated() where written {
      if let last = ranges.last, last.upperBound == UInt64(place) {
        ranges[ranges.count - 1] = last.lowerBound..<UInt64(place) + 1
      } else {
        ranges.append(UInt64(place)..<UInt64(place) + 1)
      }
    }
    return ranges
  }

  @Test func `are the ranges that were written, exactly`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 100, [1, 2, 3]), fixture.recording.write(0, 102, [4, 5]),
      fixture.recording.write(1, 0, [9]), fixture.recording.mark(7),
      fixture.recording.write(0, 65_530, [UInt8](repeating: 1, count: 20)),
      fixture.recording.zeroes(0, 200, 50), fixture.recording.mark(8),
    ])
    let marks = [7, 8].map { journal.sequence(of: CheckpointIdentifier($0)) }
    let (first, second) = (try #require(marks[0]), try #require(marks[1]))
    let start = SequenceNumber(2)
    #expect(try journal.changes(volume: 0, after: start, through: first) == [100..<104])
    #expect(try journal.changes(volume: 1, after: start, through: first) == [0..<1])
    #expect(
      try journal.changes(volume: 0, after: first, through: second)
        == [200..<250, 65_530..<65_550]
    )
    #expect(try journal.changes(volume: 1, after: first, through: second).isEmpty)
    #expect(try journal.changes(volume: 0, after: second, through: second).isEmpty)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `are right over many segments, after a restart and after a fold`(seed: UInt64) throws {
    var fixture = Fixture(seed: seed)
    var random = SeededGenerator(seed: seed)
    var journal = try fixture.openCompleted()
    for _ in 0..<40 {
      var batch: [Recording.Entry] = []
      for _ in 0..<8 {
        let volume = Int.random(in: 0...1, using: &random)
        let size = fixture.recording.volumeSizes[volume]
        let count = Int.random(in: 1...3000, using: &random)
        let offset = Int.random(in: 0...size - count, using: &random)
        let isZero = Int.random(in: 0..<5, using: &random) == 0
        batch.append(
          isZero
            ? fixture.recording.zeroes(volume, offset, count)
            : fixture.recording.write(volume, offset, [UInt8](repeating: 7, count: count))
        )
      }
      try journal.append(batch)
    }
    let last = fixture.recording.next - 1
    for round in 0...2 {
      if round == 1 {
        try journal.maintain()
        journal = try fixture.open()
      }
      let floor = round == 2 ? last / 2 : 2
      if round == 2 { try journal.fold(through: SequenceNumber(floor)) }
      for _ in 0..<10 {
        let earlier = UInt64.random(in: floor...last, using: &random)
        let later = UInt64.random(in: earlier...last, using: &random)
        for volume in 0...1 {
          let found = try journal.changes(
            volume: volume,
            after: SequenceNumber(earlier),
            through: SequenceNumber(later)
          )
          #expect(
            found == expected(fixture, volume, after: earlier, through: later),
            "round \(round), \(earlier) to \(later)"
          )
        }
      }
    }
    #expect(throws: JournalError.pointGone(SequenceNumber(3))) {
      try journal.changes(volume: 0, after: SequenceNumber(3), through: SequenceNumber(last))
    }
    #expect(throws: JournalError.pointAhead(SequenceNumber(last + 1))) {
      try journal.changes(
        volume: 0,
        after: SequenceNumber(last),
        through: SequenceNumber(last + 1)
      )
    }
  }
}
