// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import Journal
import RecoveryModel
import Simulation
import Synchronization
import Testing

@Suite struct `Segments of a journal` {
  /// Writes that fill a segment each, with a checkpoint after each.
  private func fill(
    _ fixture: inout Fixture,
    _ journal: StreamJournal,
    _ numbers: ClosedRange<UInt64>
  ) throws {
    for number in numbers {
      fixture.recording.pass(seconds: 10)
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: UInt8(number), count: 40_000)),
        fixture.recording.write(1, Int(number) * 100, [UInt8(number)]),
        fixture.recording.zeroes(0, Int(number) * 1000, 500),
        fixture.recording.mark(number, tag: "tag \(number)"),
      ])
    }
  }

  private func names(_ fixture: Fixture, _ suffix: String) throws -> [String] {
    try fixture.disk.folder("journal").list().filter { $0.hasSuffix(suffix) }.sorted()
  }

  private func compare(_ fixture: Fixture, _ journal: StreamJournal) throws {
    let folded = journal.state.folded
    let expected = fixture.recording.recoverable.filter { $0.sequence >= folded }
    #expect(journal.checkpoints().map(\.identifier.number) == expected.map(\.number))
    for point in expected {
      #expect(try fixture.difference(journal, asOf: point.sequence) == nil)
    }
  }

  @Test func `have an index file once they are closed, and are not read on opening`() throws {
    var fixture = Fixture()
    var journal = try fixture.openCompleted()
    try fill(&fixture, journal, 1...5)
    #expect(journal.needsMaintenance)
    try journal.maintain()
    #expect(!journal.needsMaintenance)
    #expect(try names(fixture, ".index").count == 4)
    try compare(fixture, journal)
    journal = try fixture.open()
    #expect(journal.statistics.rebuiltIndexes == [])
    try compare(fixture, journal)
    // A payload that is damaged is not noticed: nobody looks at it.
    fixture.disk.damage("journal/0000000000000002.journal", at: 20_000)
    #expect(try fixture.open().state.durable == journal.state.durable)
  }

  @Test func `are read when their index file is missing, or any byte of it is wrong`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, 1...3)
    try journal.maintain()
    let name = "journal/0000000000000001.index"
    for offset in fixture.disk.content(name).indices {
      fixture.disk.damage(name, at: offset, xor: 1)
      let opened = try fixture.open()
      #expect(opened.statistics.rebuiltIndexes == ["0000000000000001.index"], "\(offset)")
      try compare(fixture, opened)
      // It was written anew.
      #expect(try fixture.open().statistics.rebuiltIndexes == [])
    }
    try fixture.disk.folder("journal").remove("0000000000000001.index")
    let opened = try fixture.open()
    #expect(opened.statistics.rebuiltIndexes == ["0000000000000001.index"])
    try compare(fixture, opened)
  }

  @Test func `are used again once they are folded`() throws {
    var fixture = Fixture()
    fixture.settings.historySeconds = 40
    var journal = try fixture.openCompleted()
    var mostSpares = 0
    for round in 0..<10 as Range<UInt64> {
      try fill(&fixture, journal, (round * 3 + 1)...(round * 3 + 3))
      try journal.enforceRetention(now: fixture.recording.time)
      mostSpares = max(mostSpares, journal.statistics.spareCount)
      try journal.maintain()
      try compare(fixture, journal)
      // What is left in the files from before is not taken for new.
      journal = try fixture.open()
      try compare(fixture, journal)
    }
    #expect(mostSpares >= 2)
    let used = journal.statistics.segmentCount + journal.statistics.spareCount + 1
    #expect(try names(fixture, ".journal").count + names(fixture, ".spare").count <= used)
  }

  @Test func `are not overwritten while a read that began before goes on`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try fill(&fixture, journal, 1...4)
    let reader = journal.contents.withLock { $0.enter($0.durable) }
    try journal.fold(through: journal.state.durable)
    #expect(journal.statistics.spareCount == 3)
    #expect(journal.contents.withLock { $0.takeSpare()?.name } == nil)
    journal.contents.withLock { $0.leave(reader) }
    #expect(journal.contents.withLock { $0.takeSpare()?.name } != nil)
  }

  @Test func `survive a crash between any two steps of closing, folding and using again`() throws {
    for operations in 0..<2000 {
      var fixture = Fixture(seed: UInt64(operations))
      fixture.settings.historySeconds = 40
      var journal = try fixture.openCompleted()
      try fill(&fixture, journal, 1...4)
      var acknowledged = journal.state.durable
      fixture.disk.die(after: operations)
      var isDone = false
      do {
        try journal.maintain()
        try fill(&fixture, journal, 5...8)
        acknowledged = journal.state.durable
        try journal.enforceRetention(now: fixture.recording.time)
        try journal.maintain()
        try fill(&fixture, journal, 9...9)
        acknowledged = journal.state.durable
        try journal.maintain()
        isDone = true
      } catch { acknowledged = max(acknowledged, journal.state.durable) }
      fixture.disk.cutPower()
      journal = try fixture.open()
      #expect(journal.state.durable >= acknowledged, "\(operations)")
      fixture.recording.cut(after: journal.state.durable)
      try compare(fixture, journal)
      try journal.maintain()
      try fill(&fixture, journal, 10...12)
      try compare(fixture, fixture.open())
      if isDone { return #expect(operations > 60) }
    }
    Issue.record("it never got through")
  }

  @Test func `hold batches that are larger than a segment`() throws {
    var fixture = Fixture(volumeSizes: [300_000])
    var journal = try fixture.openCompleted()
    try journal.maintain()
    for value in 1...3 as ClosedRange<UInt8> {
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: value, count: 300_000)),
        fixture.recording.mark(UInt64(value)),
      ])
      try journal.maintain()
    }
    try compare(fixture, journal)
    journal = try fixture.open()
    try compare(fixture, journal)
    try journal.fold(through: journal.state.durable)
    #expect(journal.statistics.spareCount == 1)
  }

  @Test func `take payloads in several pieces, with syncs among them`() throws {
    var fixture = Fixture()
    var recording = fixture.recording
    var entries = [
      recording.syncBegan(1), recording.write(0, 100, [UInt8](repeating: 1, count: 700)),
    ]
    entries += [recording.syncEnded(), recording.write(1, 9, [UInt8](repeating: 2, count: 5000))]
    entries += [recording.mark(1), recording.write(0, 400, [UInt8](repeating: 3, count: 4096))]
    fixture.recording = recording
    let journal = try fixture.open()
    // A piece with two payloads, one with none, and one with the last payload.
    let pieces = [entries[1].payload + entries[3].payload, [], entries[5].payload]
    func append(_ pieces: [[UInt8]]) throws {
      let memory = pieces.map { piece in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
        copy.copyBytes(from: piece)
        return UnsafeRawBufferPointer(copy)
      }
      defer { for piece in memory { piece.deallocate() } }
      try journal.append(entries.map(\.record), payloads: memory)
    }
    #expect(throws: JournalError.malformed(entries[5].record.sequence)) {
      try append([pieces[0], Array(pieces[2].dropLast())])
    }
    #expect(throws: JournalError.malformed(entries[0].record.sequence)) {
      try append(pieces + [[1]])
    }
    #expect(journal.state.durable == SequenceNumber(0))
    try append(pieces)
    for entry in entries.dropFirst(2) {
      #expect(try fixture.difference(journal, asOf: entry.record.sequence) == nil)
    }
  }

  @Test(arguments: [131_072, 131_000])
  func `lay payloads of whole pages out in whole pages`(byteCount: Int) throws {
    var fixture = Fixture(volumeSizes: [300_000])
    fixture.settings.segmentByteCount = 1 << 20
    var journal = try fixture.openCompleted()
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    try journal.append([fixture.recording.write(0, 500, bytes)])
    try journal.append([fixture.recording.mark(1)])
    // The batch begins behind the segment's header, and has one record.
    let start = 4096 + (byteCount % 4096 == 0 ? 4096 : 64 + 40)
    let file = fixture.disk.content("journal/0000000000000001.journal")
    #expect(Array(file[start..<start + byteCount]) == bytes)
    #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil)
    journal = try fixture.open()
    #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil)
  }

  @Test func `do not take up records that failed under the numbers of later ones`() throws {
    for seed in 0..<40 as Range<UInt64> {
      var fixture = Fixture(seed: seed)
      var journal = try fixture.openCompleted()
      try journal.append([fixture.recording.mark(1)])
      fixture.disk.failOnce("sync")
      let durable = journal.state.durable
      #expect(throws: JournalError.self) {
        try journal.append([
          fixture.recording.write(0, 0, [UInt8](repeating: 1, count: 9000))
        ])
      }
      try journal.makeReady()
      fixture.recording.cut(after: durable)
      // Another sender gives the number to another record, whose batch is torn.
      let entry = fixture.recording.write(0, 0, [UInt8](repeating: 2, count: 9000))
      fixture.disk.die(after: 1)
      #expect(throws: JournalError.self) { try journal.append([entry]) }
      fixture.disk.cutPower()
      journal = try fixture.open()
      fixture.recording.cut(after: journal.state.durable)
      #expect(try fixture.difference(journal, asOf: journal.state.durable) == nil)
    }
  }
}

@Suite struct `The journal's index` {
  @Test func `stays in few runs`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for number in 1...40 as ClosedRange<UInt8> {
      try journal.append([
        fixture.recording.write(0, Int(number) * 10, [UInt8](repeating: number, count: 50_000)),
        fixture.recording.mark(UInt64(number)),
      ])
      try journal.maintain()
    }
    #expect(journal.statistics.runCount <= 6)
    #expect(journal.statistics.segmentCount == 40)
    for point in fixture.recording.recoverable {
      #expect(try fixture.difference(journal, asOf: point.sequence) == nil)
    }
    try journal.fold(through: SequenceNumber(journal.state.durable.rawValue / 2))
    try journal.maintain()
    for point in fixture.recording.recoverable where point.sequence >= journal.state.folded {
      #expect(try fixture.difference(journal, asOf: point.sequence) == nil)
    }
    // Each write has one or two pieces; what is folded is gone.
    #expect(journal.statistics.extentCount <= 44)
  }

  @Test func `leave nothing behind that there was no room for`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    fixture.disk.setFull(true)
    #expect(throws: JournalError.self) { try journal.maintain() }
    #expect(try fixture.disk.folder("journal").list().allSatisfy { !$0.hasSuffix(".tmp") })
  }

  @Test func `keeps zeroes out of the replica's way`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.write(0, 0, [UInt8](repeating: 0, count: 9000))])
    #expect(
      journal.contents.withLock { $0.segments.last?.recent?.entries.first?.segment }
        == IndexEntry.zeroes
    )
  }
}
