// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// Brings the replicas' content up to exactly a record, and drops the segments before it.
  ///
  /// Points before the record cannot be read any more. Folding again to the same or an earlier
  /// record does nothing. Fails with ``JournalError/held(_:)``, changing nothing, if a hold or a
  /// reader needs an earlier point; and with ``JournalError/corrupt(file:offset:)`` if it needs
  /// bytes that are not what was written: none of them gets into the replicas, and points from the
  /// record on can be read as before.
  package func fold(through target: SequenceNumber) throws(JournalError) {
    try folding.withLock { _ throws(JournalError) in try foldAlone(through: target) }
  }

  /// The fold itself; the caller has `folding`.
  ///
  /// A crash in the middle leaves the replicas with some content of later points. That is why the
  /// target is saved before the first write: on opening the fold is done again from the same
  /// extents, before any point is given out.
  private func foldAlone(through target: SequenceNumber) throws(JournalError) {
    let claim = try contents.withLock { contents throws(JournalError) -> SequenceNumber? in
      guard contents.phase == .complete else { throw .incomplete }
      guard target <= contents.durable else { throw .pointAhead(target) }
      // A fold that failed has claimed its target for good.
      let target = max(target, contents.floor)
      guard target > contents.folded else { return nil }
      if let needed = contents.oldestNeeded, needed < target { throw .held(needed) }
      contents.floor = target
      return target
    }
    guard let target = claim else { return }
    try save { $0.folding = target }

    let (folded, before, after) = contents.withLock {
      ($0.folded, $0.history.volumes(at: $0.folded), $0.history.volumes(at: target))
    }
    for volume in after.present {
      var fold = VolumeFold(journal: self, volume: volume, after: folded, through: target)
      try fold.run()
    }

    // No point from the target on has them.
    for volume in before.present where after[volume] == 0 {
      try stored { () throws(StorageError) in try replicas.empty(volume) }
    }
    let (checkpoint, sync) = contents.withLock {
      ($0.history.checkpoint(at: target), $0.history.sync(at: target))
    }
    try save { saved in
      saved.folded = target
      saved.folding = SequenceNumber(0)
      saved.sync = sync
      saved.volumes = after
      saved.checkpoint = checkpoint
    }
    try retire(contents.withLock { $0.forget(through: target) })
  }

  /// Folds up to a checkpoint for good: the replicas are that checkpoint, the journal is empty and
  /// takes no more records.
  ///
  /// Done again for the same checkpoint, it does nothing. What is interrupted or fails after the
  /// fold is finished by doing it again, or on opening.
  ///
  /// Fails with ``JournalError/held(_:)`` if a hold needs another point.
  package func promote(_ checkpoint: CheckpointIdentifier) throws(JournalError) {
    try appender.withLock { _ throws(JournalError) in
      try folding.withLock { _ throws(JournalError) in
        guard let target = sequence(of: checkpoint) else { throw .unknownCheckpoint(checkpoint) }
        let (phase, other) = contents.withLock { contents in
          (contents.phase, contents.holds.values.first { $0 != target })
        }
        if phase != .promoted {
          if let other { throw .held(other) }
          try makeWay(to: target)
          try foldAlone(through: target)
          // Segments that are left know volumes as they were later. So before replicas are cut,
          // the segments are of no use any more.
          try save { saved in
            saved.isPromoted = true
            saved.isUncut = true
          }
          contents.withLock { $0.phase = .promoted }
        }
        try finishPromotion()
      }
    }
  }

  /// What is left to do once it is saved that the journal is folded for good.
  func finishPromotion() throws(JournalError) {
    if saved.withLock({ $0.isUncut }) {
      try cutReplicas()
      try save { $0.isUncut = false }
    }
    try dropSegments()
  }

  /// Folds segments before a target for as long as there is no room for all of it at once.
  private func makeWay(to target: SequenceNumber) throws(JournalError) {
    while true {
      let room = try foldableSegmentCount()
      let ahead = contents.withLock { contents in
        contents.segments.map(\.lastSequence).filter { contents.floor < $0 && $0 < target }
      }
      guard ahead.count >= room else { return }
      // Bytes that are damaged may not be needed as of the target.
      do { try foldAlone(through: ahead[room - 1]) } catch .corrupt { return }
    }
  }

  /// Cuts off what volumes grew by after the journal's oldest point.
  private func cutReplicas() throws(JournalError) {
    let volumes = saved.withLock { $0.volumes }
    let replicas = replicas
    try stored { () throws(StorageError) in
      for volume in volumes.present where replicas.room[volume] > volumes[volume] {
        try replicas[volume].resize(to: volumes[volume])
        try replicas[volume].sync()
      }
    }
  }

  /// Leaves nothing but the replicas of a promoted journal.
  private func dropSegments() throws(JournalError) {
    let checkpoint = saved.withLock { $0.checkpoint }
    let segments = contents.withLock { contents in
      let segments = contents.segments
      contents.begin(at: contents.folded, checkpoint: checkpoint)
      return segments
    }
    try retire(segments)
    try removeSpares()
  }
}

extension StreamJournal.Contents {
  /// Drops what is folded from memory and gives the segments that are not needed.
  ///
  /// Entries that stay behind in a run are passed over, and dropped when it is merged.
  mutating func forget(through target: SequenceNumber) -> [Segment] {
    folded = target
    history.forget(through: target)
    // The last one is the appender's.
    let gone = segments.dropLast().prefix { $0.lastSequence <= target }
    segments.removeFirst(gone.count)
    if let first = segments.first {
      runs.removeFirst(runs.prefix { $0.lastSegment < first.ordinal }.count)
      damages.removeAll { $0.extent.segment < first.ordinal }
    }
    refreshView()
    return Array(gone)
  }
}
