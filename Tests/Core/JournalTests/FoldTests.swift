// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Simulation
import Synchronization
import Testing

@Suite struct `Folding a journal` {
  @Test func `makes the replicas exactly that point`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.write(0, 60_000, [UInt8](repeating: 1, count: 20_000)),
      fixture.recording.zeroes(0, 70_000, 2000),
      fixture.recording.write(0, 71_000, [2]),
    ])
    try journal.fold(through: SequenceNumber(4))
    #expect(fixture.replicas == fixture.recording.content(asOf: SequenceNumber(4)))
    try journal.fold(through: SequenceNumber(4))
    #expect(try fixture.difference(journal, asOf: SequenceNumber(5)) == nil)
  }

  @Test func `never passes a hold`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([
      fixture.recording.mark(1), fixture.recording.write(0, 0, [1]), fixture.recording.mark(2),
    ])
    let hold = try journal.hold(SequenceNumber(3))
    #expect(throws: JournalError.held(SequenceNumber(3))) {
      try journal.fold(through: SequenceNumber(4))
    }
    try journal.fold(through: SequenceNumber(3))
    #expect(try fixture.difference(journal, asOf: SequenceNumber(3)) == nil)
    journal.release(hold)
    try journal.fold(through: SequenceNumber(5))
    #expect(journal.state.folded == SequenceNumber(5))
  }

  @Test func `removes the segments that are not needed and nothing else`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    for _ in 0..<10 {
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: 3, count: 40_000))
      ])
    }
    #expect(fixture.segmentNames.count == 10)
    try journal.fold(through: SequenceNumber(9))
    #expect(fixture.segmentNames == ["8", "9", "a"].map { "000000000000000\($0).journal" })
    #expect(try fixture.open().state.durable == SequenceNumber(12))
  }

  @Test func `is finished on opening if the power went in the middle`() throws {
    // One more operation each time, until the fold gets through.
    for operations in 0..<200 {
      var fixture = Fixture(seed: UInt64(operations))
      var journal = try fixture.openCompleted()
      try journal.append([
        fixture.recording.mark(1), fixture.recording.write(0, 0, [1]),
        fixture.recording.write(1, 0, [1]), fixture.recording.write(0, 100_000, [1]),
        fixture.recording.mark(2), fixture.recording.write(0, 0, [2]),
      ])
      fixture.disk.die(after: operations)
      let isDone = (try? journal.fold(through: SequenceNumber(6))) != nil
      fixture.disk.cutPower()
      journal = try fixture.open()
      for checkpoint in journal.checkpoints() {
        let sequence = try #require(journal.sequence(of: checkpoint.identifier))
        #expect(try fixture.difference(journal, asOf: sequence) == nil, "\(operations)")
      }
      #expect(journal.checkpoints().last?.identifier == CheckpointIdentifier(2))
      #expect(try fixture.difference(journal, asOf: SequenceNumber(8)) == nil)
      if isDone { return #expect(operations > 10) }
    }
    Issue.record("the fold never got through")
  }

  @Test func `waits for a read that nobody holds the point of`() throws {
    var fixture = Fixture(volumeSizes: [100_000])
    let replica = HookedFile(try fixture.disk.folder("replicas").open("0", creating: true))
    let journal = try StreamJournal(
      stream: StreamIdentifier("s"),
      folder: fixture.disk.folder("journal"),
      replicas: [replica],
      volumeSizes: [100_000],
      settings: fixture.settings
    )
    try journal.append([
      fixture.recording.syncBegan(1), fixture.recording.syncEnded(), fixture.recording.mark(1),
      fixture.recording.write(0, 0, [1]),
    ])
    let result = Mutex<JournalError?>(nil)
    replica.onRead.withLock { hook in
      hook = {
        do throws(JournalError) { try journal.fold(through: SequenceNumber(4)) } catch {
          result.withLock { $0 = error }
        }
      }
    }
    #expect(try journal.content(0, count: 1, asOf: SequenceNumber(3)) == [0])
    #expect(result.withLock { $0 } == .held(SequenceNumber(3)))
    try journal.fold(through: SequenceNumber(4))
  }

  @Test func `does not disturb those who read and write meanwhile`() async throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    func fill(_ value: UInt8) throws {
      try journal.append([
        fixture.recording.write(0, 0, [UInt8](repeating: value, count: 100_000)),
        fixture.recording.mark(UInt64(value)),
      ])
    }
    for value in 1...20 as ClosedRange<UInt8> { try fill(value) }
    let point = try #require(journal.sequence(of: CheckpointIdentifier(10)))
    let hold = try journal.hold(point)
    let expected = [UInt8](repeating: 10, count: 100_000)

    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<300 {
            let found = try journal.content(0, count: 100_000, asOf: point)
            try #require(found.hasSameBytes(as: expected))
          }
        }
      }
      for sequence in (journal.state.folded.rawValue + 1)...point.rawValue {
        try journal.fold(through: SequenceNumber(sequence))
        try fill(21)
      }
      try await group.waitForAll()
    }
    journal.release(hold)
    try journal.fold(through: journal.state.durable)
    #expect(fixture.replicas[0][50_000] == 21)
  }
}
