// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Simulation
import Testing

/// Bytes that rot on the disk long after they were written.
@Suite struct `A record whose bytes are not what was written` {
  private static let first = "0000000000000001.journal"

  /// Writes within a chunk, over the border of one, and over one another; two segments.
  private func filled(_ fixture: inout Fixture) throws -> StreamJournal {
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 8192)),
      fixture.recording.write(0, 60_000, [UInt8](repeating: 2, count: 20_000)),
      fixture.recording.mark(1),
      fixture.recording.write(0, 2048, [UInt8](repeating: 3, count: 1000)),
      fixture.recording.write(1, 100, [UInt8](repeating: 4, count: 500)),
      fixture.recording.mark(2),
    ])
    try journal.append([
      fixture.recording.write(0, 100_000, [UInt8](repeating: 5, count: 40_000)),
      fixture.recording.mark(3),
    ])
    return journal
  }

  /// Where the bytes of a value lie in a file.
  private func places(of value: UInt8, in bytes: [UInt8]) throws -> Range<Int> {
    let start = try #require(
      bytes.indices.dropLast(400).first { start in
        bytes[start..<start + 400].allSatisfy { $0 == value }
      }
    )
    return start..<(bytes[start...].firstIndex { $0 != value } ?? bytes.count)
  }

  @Test(arguments: [false, true])
  func `is given to no reader of any point, and everything else is`(isIndexed: Bool) throws {
    var fixture = Fixture()
    let journal = try filled(&fixture)
    if isIndexed { try journal.maintain() }
    var (failures, total) = (0, 0)
    let byteCount = fixture.disk.content("journal/" + Self.first).count
    for place in stride(from: 8192, to: byteCount, by: 1499) {
      fixture.disk.damage("journal/" + Self.first, at: place, xor: 0x10)
      defer { fixture.disk.damage("journal/" + Self.first, at: place, xor: 0x10) }
      for (_, point) in fixture.recording.recoverable {
        for (volume, content) in fixture.recording.content(asOf: point).enumerated() {
          for start in stride(from: 0, to: content.count, by: 3000) {
            let end = min(content.count, start + 3000)
            total += 1
            do {
              let found = try journal.content(volume, count: end - start, from: start, asOf: point)
              #expect(found == Array(content[start..<end]), "byte \(place) rotted")
            } catch let error as JournalError {
              guard case .corrupt(Self.first, _) = error else { throw error }
              failures += 1
            }
          }
        }
      }
    }
    #expect(failures > 0 && failures < total / 4)
    #expect(journal.statistics.damages.allSatisfy { $0.file == Self.first })
    #expect(!journal.statistics.damages.isEmpty)
  }

  @Test(arguments: [1 as UInt8, 2, 3], [false, true])
  func `keeps no journal closed whose index is missing`(value: UInt8, isZeroed: Bool) throws {
    var fixture = Fixture()
    _ = try filled(&fixture)
    let file = "journal/" + Self.first
    let bytes = try places(of: value, in: fixture.disk.content(file))
    for place in isZeroed ? bytes : bytes.lowerBound + 500..<bytes.lowerBound + 501 {
      fixture.disk.damage(file, at: place, xor: value)
    }
    let journal = try fixture.open()
    #expect(journal.state.durable == SequenceNumber(fixture.recording.next - 1))
    #expect(!journal.statistics.damages.isEmpty)
    #expect(journal.statistics.damages.allSatisfy { $0.file == Self.first })
    // A page is torn out of what can be read, and nothing else is given out.
    for (_, point) in fixture.recording.recoverable {
      for (volume, content) in fixture.recording.content(asOf: point).enumerated() {
        for start in stride(from: 0, to: content.count - 1000, by: 1000) {
          let wanted = Array(content[start..<start + 1000])
          let found = try? journal.content(volume, count: 1000, from: start, asOf: point)
          #expect(found == nil || found == wanted)
          #expect(found != nil || wanted.contains(value))
        }
      }
    }
    // As damaged after its segment got an index.
    try journal.maintain()
    let again = try fixture.open()
    let newest = again.state.durable
    #expect(throws: JournalError.self) { try again.fold(through: newest) }
    #expect(!fixture.replicas[0].contains(value ^ 0xFF))
  }

  @Test func `is torn, not rotten, where nothing follows`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    let last = journal.state.durable
    try journal.append([fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 9000))])
    let file = "journal/" + Self.first
    fixture.disk.damage(file, at: try places(of: 1, in: fixture.disk.content(file)).lowerBound)
    let again = try fixture.open()
    #expect(again.state.durable == last)
    #expect(again.statistics.damages.isEmpty)
  }

  @Test func `never gets into a replica, and is no matter once it is written over`() throws {
    var fixture = Fixture()
    var journal = try filled(&fixture)
    try journal.maintain()
    let bytes = try places(of: 2, in: fixture.disk.content("journal/" + Self.first))
    fixture.disk.damage("journal/" + Self.first, at: bytes.lowerBound + 10_000)
    let newest = journal.state.durable
    #expect(throws: JournalError.self) { try journal.fold(through: newest) }
    #expect(journal.statistics.damages.map(\.file) == [Self.first])

    // The fold that was begun does not keep the journal from being opened.
    journal = try fixture.open()
    #expect(journal.state.folded == newest)
    let content = fixture.recording.content(asOf: newest)
    #expect(try journal.content(1, count: 66_000, asOf: newest) == content[1])
    #expect(try journal.content(0, count: 60_000, asOf: newest) == Array(content[0][..<60_000]))
    #expect(throws: JournalError.self) { try journal.content(0, count: 80_000, asOf: newest) }
    #expect(!fixture.replicas[0].contains(2 ^ 0xFF))

    try journal.append([
      fixture.recording.write(0, 50_000, [UInt8](repeating: 6, count: 40_000)),
      fixture.recording.mark(4),
    ])
    try journal.fold(through: journal.state.durable)
    #expect(fixture.replicas == fixture.recording.content(asOf: journal.state.durable))
    #expect(journal.statistics.damages.isEmpty)
  }

  @Test func `lets the history be shortened past it as soon as something is written over it`()
    throws
  {
    var fixture = Fixture()
    fixture.settings.hardLimitByteCount = 50_000
    let journal = try filled(&fixture)
    let bytes = try places(of: 3, in: fixture.disk.content("journal/" + Self.first))
    fixture.disk.damage("journal/" + Self.first, at: bytes.lowerBound)
    func fill(_ number: UInt64) throws {
      try journal.append([
        fixture.recording.write(1, 0, [UInt8](repeating: UInt8(number), count: 50_000)),
        fixture.recording.mark(number),
      ])
    }
    for number in 4...6 as ClosedRange<UInt64> { try fill(number) }
    #expect(throws: JournalError.self) {
      try journal.enforceRetention(now: fixture.recording.time)
    }
    // Known by now, and no reason to fail over and over.
    let segments = journal.statistics.segmentCount
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.statistics.segmentCount == segments)

    try journal.append([
      fixture.recording.write(0, 2000, [UInt8](repeating: 7, count: 2000))
    ])
    for number in 7...9 as ClosedRange<UInt64> { try fill(number) }
    try journal.enforceRetention(now: fixture.recording.time)
    #expect(journal.statistics.journalByteCount <= 140_000)
    #expect(journal.statistics.damages.isEmpty)
    #expect(try fixture.difference(journal, asOf: journal.state.folded) == nil)
    #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil)
  }
}
