// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Journal
import RecoveryModel
import Simulation
import Testing

/// Random work with power cuts, failures, folds, holds and retention, compared with a model after
/// every step that could have lost something.
@Suite struct `A journal under random work` {
  /// `SEEDS` in the environment asks for more of them.
  @Test func `gives every checkpoint as it was, whatever happened`() throws {
    let seeds = ProcessInfo.processInfo.environment["SEEDS"].flatMap { UInt64($0) } ?? 150
    var counts = World.Counts()
    for seed in 0..<seeds {
      var world = try World(seed: seed)
      for _ in 0..<70 { try world.step() }
      try world.compareAll()
      counts.add(world.counts)
    }
    // If chance no longer leads here, the seeds show nothing.
    #expect(counts.crashes > 50)
    #expect(counts.folds > 30)
    #expect(counts.failures > 20)
    #expect(counts.heldFolds > 5)
    #expect(counts.comparisons > 1000)
    #expect(counts.retentions > 20)
    #expect(counts.maintenances > 100)
    #expect(counts.recycled > 100)
    #expect(counts.lostIndexes > 20)
  }
}

struct World {
  struct Counts {
    var crashes = 0, folds = 0, failures = 0, heldFolds = 0, comparisons = 0, retentions = 0
    var maintenances = 0, recycled = 0, lostIndexes = 0

    mutating func add(_ other: Counts) {
      crashes += other.crashes
      folds += other.folds
      failures += other.failures
      heldFolds += other.heldFolds
      comparisons += other.comparisons
      retentions += other.retentions
      maintenances += other.maintenances
      recycled += other.recycled
      lostIndexes += other.lostIndexes
    }
  }

  private(set) var counts = Counts()
  private let seed: UInt64
  private var fixture: Fixture
  private var journal: StreamJournal
  private var generator: SeededGenerator
  private var acknowledged = SequenceNumber(0)
  private var checkpointNumber: UInt64 = 0
  private var holds: [(token: HoldToken, sequence: SequenceNumber)] = []

  init(seed: UInt64) throws {
    self.seed = seed
    generator = SeededGenerator(seed: seed &+ 1000)
    fixture = Fixture(seed: seed)
    fixture.settings.hardLimitByteCount = 400_000
    fixture.settings.historySeconds = 1200
    journal = try fixture.open()
  }

  mutating func step() throws {
    guard journal.state.isComplete else { return try synchronise() }
    switch Int.random(in: 0..<25, using: &generator) {
    case 0..<10: try append(randomEntries())
    case 10: try fold()
    case 11, 12: try retain()
    case 13: try hold()
    case 14:
      if let index = holds.indices.randomElement(using: &generator) {
        journal.release(holds.remove(at: index).token)
      }
    case 15: try restart()
    case 16, 17: try crashDuringWork()
    case 18, 19:
      fixture.disk.failOnce(generator.once(in: 2) ? "sync" : "")
      try append(randomEntries())
      fixture.disk.revive()
    case 20, 21, 22: try maintain()
    default: try compareSome()
    }
  }

  // MARK: Work

  /// The first sync, in several batches, with guest writes between.
  private mutating func synchronise() throws {
    if generator.once(in: 3) { fixture.disk.die(after: Int.random(in: 0..<60, using: &generator)) }
    guard try append([fixture.recording.syncBegan(1)]) else { return }
    for (volume, size) in fixture.recording.volumeSizes.enumerated() {
      for offset in stride(from: 0, to: size, by: 40_000) {
        let bytes = randomBytes(min(40_000, size - offset))
        guard try append([fixture.recording.write(volume, offset, bytes), randomWrite()]) else {
          return
        }
      }
    }
    if try append([fixture.recording.syncEnded()] + randomEntries()) { fixture.disk.revive() }
  }

  /// Appends; false if it failed, and then the power was cut or the failure gone.
  @discardableResult
  private mutating func append(_ entries: [Recording.Entry]) throws -> Bool {
    do {
      try journal.append(entries)
    } catch {
      try #require(isStorageFailure(error), "\(error)")
      try recover()
      return false
    }
    acknowledged = SequenceNumber(fixture.recording.next - 1)
    return true
  }

  private mutating func fold() throws {
    let state = journal.state
    let target = SequenceNumber(
      UInt64.random(in: state.folded.rawValue...state.durable.rawValue, using: &generator)
    )
    do {
      try journal.fold(through: target)
    } catch {
      if case .held = error {
        counts.heldFolds += 1
        #expect(holds.contains { $0.sequence < target }, "seed \(seed)")
        return
      }
      try #require(isStorageFailure(error), "\(error)")
      return try recover()
    }
    counts.folds += 1
    #expect(holds.allSatisfy { $0.sequence >= journal.state.folded }, "seed \(seed)")
  }

  private mutating func retain() throws {
    let before = journal.state.folded
    let newest = journal.checkpoints().last
    do {
      try journal.enforceRetention(now: fixture.recording.time)
    } catch {
      try #require(isStorageFailure(error))
      return try recover()
    }
    if journal.state.folded > before { counts.retentions += 1 }
    #expect(journal.checkpoints().last == newest, "seed \(seed)")
    #expect(holds.allSatisfy { $0.sequence >= journal.state.folded }, "seed \(seed)")
  }

  private mutating func maintain() throws {
    let spares = journal.statistics.spareCount
    do { try journal.maintain() } catch {
      try #require(isStorageFailure(error), "\(error)")
      return try recover()
    }
    counts.maintenances += 1
    if journal.statistics.spareCount < spares { counts.recycled += 1 }
    #expect(!journal.needsMaintenance, "seed \(seed)")
  }

  private mutating func hold() throws {
    let expected = recoverable()
    guard let point = expected.randomElement(using: &generator) else { return }
    holds.append((try journal.hold(point.sequence), point.sequence))
  }

  private mutating func crashDuringWork() throws {
    fixture.disk.die(after: Int.random(in: 0..<12, using: &generator))
    let failures = counts.failures
    for _ in 0..<12 where counts.failures == failures {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: try fold()
      case 1: try retain()
      case 2: try maintain()
      default: try append(randomEntries())
      }
    }
    if counts.failures == failures { try recover() }
  }

  // MARK: Recovery

  private func isStorageFailure(_ error: JournalError) -> Bool {
    if case .storage = error { true } else { false }
  }

  /// An operation failed: nothing more happens, or the process dies, or the power goes.
  private mutating func recover() throws {
    counts.failures += 1
    switch Int.random(in: 0..<4, using: &generator) {
    case 0 where journal.state.isComplete:
      fixture.disk.revive()
      try journal.makeReady()
      let durable = journal.state.durable
      #expect(durable >= acknowledged, "seed \(seed)")
      fixture.recording.cut(after: durable)
    case 1:
      fixture.disk.revive()
      try restart()
    default:
      fixture.disk.cutPower()
      counts.crashes += 1
      try restart()
    }
  }

  private mutating func restart() throws {
    holds = []
    try loseIndex()
    journal = try fixture.open()
    let state = journal.state
    if state.isComplete {
      #expect(state.durable >= acknowledged, "seed \(seed): acknowledged records are lost")
    }
    fixture.recording.cut(after: state.durable)
    acknowledged = state.durable
    try compareAll()
  }

  /// Damages or removes an index file: nothing may depend on it.
  private mutating func loseIndex() throws {
    let folder = fixture.disk.folder("journal")
    let indexes = try folder.list().filter { $0.hasSuffix(".index") }.sorted()
    guard generator.once(in: 2), let name = indexes.randomElement(using: &generator) else { return }
    let count = fixture.disk.content("journal/" + name).count
    if count == 0 || generator.once(in: 3) {
      try folder.remove(name)
    } else {
      fixture.disk.damage("journal/" + name, at: Int.random(in: 0..<count, using: &generator))
    }
    counts.lostIndexes += 1
  }

  // MARK: Comparison

  private func recoverable() -> [(number: UInt64, sequence: SequenceNumber)] {
    let folded = journal.state.folded
    return fixture.recording.recoverable.filter { $0.sequence >= folded }
  }

  mutating func compareAll() throws {
    guard journal.state.isComplete else { return }
    let expected = recoverable()
    #expect(
      journal.checkpoints().map(\.identifier.number) == expected.map(\.number),
      "seed \(seed)"
    )
    for point in expected { try compare(point) }
    try compareEnd()
  }

  private mutating func compareSome() throws {
    let expected = recoverable()
    for point in expected.shuffled(using: &generator).prefix(3) { try compare(point) }
    for held in holds {
      counts.comparisons += 1
      #expect(try fixture.difference(journal, asOf: held.sequence) == nil, "seed \(seed)")
    }
    try compareEnd()
  }

  private mutating func compare(_ point: (number: UInt64, sequence: SequenceNumber)) throws {
    counts.comparisons += 1
    #expect(
      journal.sequence(of: CheckpointIdentifier(point.number)) == point.sequence,
      "seed \(seed)"
    )
    #expect(try fixture.difference(journal, asOf: point.sequence) == nil, "seed \(seed)")
  }

  private mutating func compareEnd() throws {
    counts.comparisons += 1
    let content = fixture.recording.content(asOf: journal.state.durable)
    for (volume, bytes) in content.enumerated() {
      let isSame = try journal.latest(volume, count: bytes.count).hasSameBytes(as: bytes)
      #expect(isSame, "seed \(seed) volume \(volume)")
    }
  }

  // MARK: Chance

  private mutating func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = withUnsafeBytes(of: generator.next()) { Array($0.prefix(7)) }
    while bytes.count < count { bytes += bytes }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  private mutating func randomWrite() -> Recording.Entry {
    let volume = Int.random(in: 0..<fixture.recording.volumeSizes.count, using: &generator)
    let size = fixture.recording.volumeSizes[volume]
    let count = Int.random(in: 1...20_000, using: &generator)
    let offset = Int.random(in: 0...(size - count), using: &generator)
    return generator.once(in: 5)
      ? fixture.recording.zeroes(volume, offset, count)
      : fixture.recording.write(volume, offset, randomBytes(count))
  }

  private mutating func randomEntries() -> [Recording.Entry] {
    fixture.recording.pass(seconds: Int.random(in: 0..<300, using: &generator))
    return (0..<Int.random(in: 1...6, using: &generator)).map { _ in
      switch Int.random(in: 0..<12, using: &generator) {
      case 0..<4:
        checkpointNumber += 1
        return fixture.recording.mark(checkpointNumber, tag: generator.once(in: 3) ? "ä tag" : "")
      case 4:
        return generator.once(in: 2)
          ? fixture.recording.syncBegan(2) : fixture.recording.syncEnded()
      default: return randomWrite()
      }
    }
  }
}
