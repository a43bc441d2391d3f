// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// What the receiving appliance does beside taking records: history, exports, promotion.
extension ReplicationWorld {
  private func wall(_ keeper: SimulatedKeeper) -> WallTime {
    WallTime(milliseconds: 1_700_000_000_000 + now + receiver(keeper).clockOffset)
  }

  /// Retention, a fold to anywhere, or a dead process that starts again.
  func maintain(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal else {
      if receiver(keeper).restartAt <= now { try open(keeper) }
      return
    }
    if keeper.promotion != nil { return try goOnPromoting(keeper) }
    let before = journal.state
    if before.isComplete, !before.isPromoted, generator.once(in: 2) {
      _ = try working(keeper) { () throws(JournalError) in try journal.maintain() }
    } else if before.isComplete, !before.isPromoted, generator.once(in: 4) {
      try fold(keeper, journal, before)
    } else {
      let byteCount = journal.statistics.journalByteCount
      let newest = journal.checkpoints().last
      let isDone: Void? = try working(keeper) { () throws(JournalError) in
        try journal.enforceRetention(now: wall(keeper))
        try journal.saveProgress()
      }
      if isDone != nil {
        try checkRetention(keeper, before, byteCount: byteCount, newest: newest)
      }
    }
    try checkExports(keeper)
  }

  private func fold(
    _ keeper: SimulatedKeeper,
    _ journal: StreamJournal,
    _ state: JournalState
  ) throws(Violation) {
    let target = UInt64.random(
      in: state.folded.rawValue...state.durable.rawValue,
      using: &generator
    )
    note("vm\(keeper.vm.index) is folded to \(target)")
    do throws(JournalError) {
      try journal.fold(through: SequenceNumber(target))
      counts.folds += 1
    } catch .held(let held) {
      guard keeper.exports.contains(where: { $0.point == held.rawValue && $0.point < target })
      else {
        throw fail("vm\(keeper.vm.index): a fold is refused for the sake of nobody")
      }
    } catch {
      counts.storageFailures += 1
      try mustBeStorage(error, keeper)
    }
  }

  /// Folds for good, if that was asked for: the replicas are the checkpoint then, and stay it.
  func goOnPromoting(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal, let promotion = keeper.promotion else { return }
    let isDone: Void? = try working(keeper) { () throws(JournalError) in
      try journal.promote(promotion.checkpoint.identifier)
    }
    guard isDone != nil else { return }
    if !promotion.isDone { counts.promotions += 1 }
    keeper.promotion?.isDone = true
    note("vm\(keeper.vm.index) is promoted to \(promotion.checkpoint.identifier.number)")
    for (volume, content) in promotion.content.enumerated()
    where !content.isEmpty
      && receiver(keeper).disk.content("replica\(keeper.vm.index)/\(volume).raw") != content
    {
      throw fail("vm\(keeper.vm.index): the promoted replica is not the point")
    }
    guard journal.checkpoints() == [promotion.checkpoint] else {
      throw fail("vm\(keeper.vm.index) is promoted and offers \(journal.checkpoints())")
    }
  }

  /// A fold may have made the history shorter only if it was too old or too long.
  private func checkRetention(
    _ keeper: SimulatedKeeper,
    _ before: JournalState,
    byteCount: UInt64,
    newest: Checkpoint?
  ) throws(Violation) {
    guard let journal = keeper.journal, before.isComplete else { return }
    let after = journal.state
    guard after.folded > before.folded else { return }
    counts.folds += 1
    if journal.checkpoints().last != newest {
      throw fail("vm\(keeper.vm.index): retention gave up the newest checkpoint")
    }
    let shortened = journal.statistics.shortened
    guard byteCount <= settings.hardLimitByteCount, shortened?.reason != .diskFull else { return }
    let newestTime = keeper.vm.model.entries[Int(after.durable.rawValue) - 1].record.time
    let reference = min(newestTime, wall(keeper))
    let gone = keeper.vm.model.entries[Int(after.folded.rawValue) - 1].record.time
    if reference.seconds(since: gone) <= Double(settings.historySeconds) {
      throw fail(
        "vm\(keeper.vm.index): history was shortened to \(reference.seconds(since: gone)) s"
      )
    }
  }

  /// Begins, checks or ends an export of a checkpoint.
  func export(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal, journal.state.isComplete, keeper.promotion == nil else {
      return
    }
    if let index = keeper.exports.indices.randomElement(using: &generator), generator.once(in: 2) {
      try checkExports(keeper)
      if let token = keeper.exports[index].token { journal.release(token) }
      keeper.exports.remove(at: index)
      return
    }
    guard keeper.exports.count < 2,
      let checkpoint = journal.checkpoints().randomElement(using: &generator),
      let point = journal.sequence(of: checkpoint.identifier)
    else { return }
    guard
      let token = try working(
        keeper,
        { () throws(JournalError) in try journal.hold(point) }
      )
    else { return }
    guard let content = try content(of: keeper, asOf: point.rawValue) else {
      return journal.release(token)
    }
    counts.holds += 1
    keeper.exports.append(
      SimulatedKeeper.Export(
        point: point.rawValue,
        checkpoint: checkpoint,
        content: content,
        token: token
      )
    )
  }

  /// What an export reads stays as it was, whatever is appended and folded.
  func checkExports(_ keeper: SimulatedKeeper) throws(Violation) {
    for export in keeper.exports where export.token != nil {
      counts.comparisons += 1
      guard let found = try content(of: keeper, asOf: export.point) else { continue }
      guard found == export.content else {
        throw fail("vm\(keeper.vm.index): the export of \(export.point) has changed")
      }
    }
  }

  /// All volumes as of a point; nil if the disk fails.
  func content(of keeper: SimulatedKeeper, asOf point: UInt64) throws(Violation) -> [[UInt8]]? {
    unsafe try contents(of: keeper, SequenceNumber(point)) {
      journal,
      volume,
      bytes throws(JournalError) in
      unsafe try journal.read(volume: volume, at: 0, into: bytes, asOf: SequenceNumber(point))
    }
  }

  /// All volumes as they are now; nil if the disk fails.
  func latest(of keeper: SimulatedKeeper) throws(Violation) -> [[UInt8]]? {
    unsafe try contents(of: keeper, nil) { journal, volume, bytes throws(JournalError) in
      unsafe try journal.readLatest(volume: volume, at: 0, into: bytes)
    }
  }

  private func contents(
    of keeper: SimulatedKeeper,
    _ point: SequenceNumber?,
    _ read: (StreamJournal, Int, UnsafeMutableRawBufferPointer) throws(JournalError) -> Void
  ) throws(Violation) -> [[UInt8]]? {
    guard let journal = keeper.journal else { return nil }
    var volumes: [[UInt8]] = []
    let sizes = journal.volumes(at: point ?? journal.state.durable)
    for volume in 0..<SimulatedVM.volumeLimit {
      var bytes = [UInt8](repeating: 0xEE, count: Int(sizes[volume]))
      if bytes.isEmpty {
        volumes.append([])
        continue
      }
      let isRead: Void? = try working(keeper) { () throws(JournalError) in
        let result = unsafe bytes.withUnsafeMutableBytes { bytes -> Result<Void, JournalError> in
          do throws(JournalError) {
            return .success(unsafe try read(journal, volume, bytes))
          } catch { return .failure(error) }
        }
        try result.get()
      }
      guard isRead != nil else { return nil }
      volumes.append(bytes)
    }
    return volumes
  }
}
