// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// So many segments are folded in one step, so that an opening after a crash has not much to do
  /// again.
  private static let stepSegmentCount = 4

  /// Folds the oldest segments if they are older than the history that is to be kept, or if all of
  /// them are above the hard limit, or if the disk is full.
  ///
  /// Never passes a hold, a reader, or the newest checkpoint: the last point to recover to is not
  /// given up for room. A segment counts as old only if both the stream's own time and `now` say
  /// so, since either clock may be wrong and a fold cannot be undone. A stream that is silent,
  /// because its site is gone, keeps its history. Where bytes are damaged it folds further than it
  /// must, to where they are not needed, or not at all.
  package func enforceRetention(now: WallTime) throws(JournalError) {
    var reason: HistoryShortening.Reason?
    let isSpaceShort = try makeRoom()
    let count = min(Self.stepSegmentCount, try foldableSegmentCount())
    while let step = contents.withLock({ contents in
      contents.retention(now: now, stepSegmentCount: count, isSpaceShort)
    }) {
      if let forced = step.reason { reason = forced }
      guard let target = firstSound(of: step.targets) else { break }
      do { try fold(through: target) } catch .held {
        // A reader came first; the next call tries again.
        break
      }
      if step.reason == .diskFull { break }
    }
    contents.withLock { $0.noteRetention(reason, now: now) }
  }

  /// Gives up files that hold nothing if the disk is full; true if history has to go.
  private func makeRoom() throws(JournalError) -> Bool {
    guard contents.withLock({ $0.isSpaceShort }) else { return false }
    if try hasRoom() != true { try removeSparesForOthers() }
    // If nobody knows how much room there is, the next append that fails says that it is not
    // enough; history is given up before.
    let room = try hasRoom()
    return contents.withLock { contents in
      if room != false { contents.isSpaceShort = false }
      return room != true && !contents.canGoOn
    }
  }

  /// Whether there is room for the next segment and what folding one needs; nil if nobody knows.
  private func hasRoom() throws(JournalError) -> Bool? {
    let needed = contents.withLock { 2 * $0.settings.segmentByteCount }
    return try stored { () throws(StorageError) in
      try folder.freeByteCount().map { $0 >= needed }
    }
  }
}

extension StreamJournal.Contents {
  /// What retention folds next, and how much further it may go; `reason` if it is not for age.
  func retention(
    now: WallTime,
    stepSegmentCount: Int,
    _ isSpaceShort: Bool
  ) -> (targets: [SequenceNumber], reason: HistoryShortening.Reason?)? {
    guard phase == .complete, let newest = segments.last(where: { $0.lastTime != nil })?.lastTime,
      let checkpoint = history.latestSequence
    else { return nil }
    let limit = min(checkpoint, oldestNeeded ?? checkpoint)
    let reference = min(newest, now)
    var byteCount = usedByteCount
    var found: (target: SequenceNumber, reason: HistoryShortening.Reason?)?
    for segment in segments.dropLast().prefix(stepSegmentCount) {
      guard segment.lastSequence <= limit, let last = segment.lastTime else { break }
      // It was the last one when a fold came to its end, and goes with the next fold.
      guard segment.lastSequence > folded else { continue }
      let isOld = reference.seconds(since: last) > Double(settings.historySeconds)
      let isAbove = byteCount > settings.hardLimitByteCount
      guard isOld || isAbove || isSpaceShort else { break }
      byteCount -= segment.usedByteCount
      found = (
        segment.lastSequence, isOld ? found?.reason : isAbove ? .hardLimit : .diskFull
      )
      // One segment gives the room that the next fold needs.
      if !isOld, !isAbove { break }
    }
    guard let found else { return nil }
    let further = segments.dropLast().map(\.lastSequence).filter {
      found.target < $0 && $0 <= limit
    }
    return ([found.target] + further, found.reason)
  }

  /// Takes note of what the last enforcement was for and what it left, by the clocks that
  /// ``retention(now:stepSegmentCount:_:)`` goes by.
  mutating func noteRetention(_ reason: HistoryShortening.Reason?, now: WallTime) {
    guard let why = reason ?? shortened?.reason else { return }
    let oldest = segments.first { !$0.isEmpty }?.firstTime
    let newest = segments.last { !$0.isEmpty }?.lastTime.map { min($0, now) }
    let kept = oldest.flatMap { oldest in newest?.seconds(since: oldest) } ?? 0
    shortened =
      kept >= Double(settings.historySeconds)
      ? nil
      : HistoryShortening(
        reason: why,
        keptSeconds: kept,
        wantedSeconds: settings.historySeconds
      )
  }
}
