// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// Brings the replicas' content up to exactly a record, and drops the segments before it.
  ///
  /// Points before the record cannot be read any more. Folding again to the same or an earlier
  /// record does nothing. Fails with ``JournalError/held(_:)``, changing nothing, if a hold or a
  /// reader needs an earlier point.
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

    var chunks: [[UInt64]] = []
    for volume in replicas.indices {
      chunks.append(contents.withLock { $0.index.chunks(of: volume, through: target) })
      try copy(chunks[volume], of: volume, through: target)
    }

    let (checkpoint, sync) = contents.withLock {
      ($0.history.checkpoint(at: target), $0.history.sync(at: target))
    }
    try save { saved in
      saved.folded = target
      saved.folding = SequenceNumber(0)
      saved.sync = sync
      saved.checkpoint = checkpoint
    }
    try remove(forget(chunks, through: target))
  }

  /// Writes what the chunks' extents up to a record give into the replica, durably.
  private func copy(
    _ chunks: [UInt64],
    of volume: Int,
    through target: SequenceNumber
  ) throws(JournalError) {
    guard !chunks.isEmpty else { return }
    let buffer = AlignedBuffer()
    let replica = replicas[volume]
    for chunk in chunks {
      let offset = chunk * ExtentIndex.chunkByteCount
      let count = min(ExtentIndex.chunkByteCount, volumeSizes[volume] - offset)
      let fetches = contents.withLock {
        $0.fetches(volume: volume, offset: offset, count: Int(count), asOf: target)
      }
      try stored { () throws(StorageError) in
        for fetch in fetches {
          let place = offset + UInt64(fetch.piece.position)
          switch fetch.piece.place {
          case .segment(_, let fileOffset):
            let bytes = unsafe buffer.bytes(fetch.piece.count)
            unsafe try fetch.file?.read(at: fileOffset, into: bytes)
            unsafe try replica.write(UnsafeRawBufferPointer(bytes), at: place)
          case .zeroes:
            try replica.punchHole(at: place, count: UInt64(fetch.piece.count))
          case .replica:
            break
          }
        }
      }
    }
    try stored { () throws(StorageError) in try replica.sync() }
  }

  /// Drops what is folded from memory and gives the names of the segments that are not needed.
  private func forget(_ chunks: [[UInt64]], through target: SequenceNumber) -> [String] {
    // In steps, so that readers and the appender are not kept waiting. Extents that are still
    // there say the same as the replica.
    for (volume, chunks) in chunks.enumerated() {
      for start in stride(from: 0, to: chunks.count, by: 1024) {
        let part = chunks[start..<min(start + 1024, chunks.count)]
        contents.withLock { $0.index.forget(part, of: volume, through: target) }
      }
    }
    return contents.withLock { contents in
      contents.folded = target
      contents.history.forget(through: target)
      // The last one is the appender's.
      let gone = contents.segments.dropLast().prefix { $0.lastSequence <= target }.count
      let names = contents.segments[..<gone].map(\.name)
      contents.segments.removeFirst(gone)
      return names
    }
  }

  /// Folds the oldest segments if they are older than the history that is to be kept, or if all of
  /// them are above the hard limit.
  ///
  /// Never passes a hold, a reader, or the newest checkpoint: the last point to recover to is not
  /// given up for room. A segment counts as old only if both the stream's own time and `now` say
  /// so, since either clock may be wrong and a fold cannot be undone. A stream that is silent,
  /// because its site is gone, keeps its history.
  package func enforceRetention(now: WallTime) throws(JournalError) {
    let target = contents.withLock { $0.retentionTarget(now: now) }
    guard let target else { return }
    do { try fold(through: target) } catch .held {
      // A reader came first; the next call tries again.
    }
  }

  /// Folds up to a checkpoint for good: the replicas are that checkpoint, the journal is empty and
  /// takes no more records.
  ///
  /// Done again for the same checkpoint, it does nothing.
  ///
  /// Fails with ``JournalError/held(_:)`` if a hold needs another point.
  package func promote(_ checkpoint: CheckpointIdentifier) throws(JournalError) {
    try appender.withLock { _ throws(JournalError) in
      try folding.withLock { _ throws(JournalError) in
        guard let target = sequence(of: checkpoint) else { throw .unknownCheckpoint(checkpoint) }
        let (phase, other) = contents.withLock { contents in
          (contents.phase, contents.holds.values.first { $0 != target })
        }
        guard phase != .promoted else { return }
        if let other { throw .held(other) }
        try foldAlone(through: target)
        try save { $0.isPromoted = true }
        try dropSegments()
      }
    }
  }

  /// Leaves nothing but the replicas of a promoted journal.
  func dropSegments() throws(JournalError) {
    let checkpoint = saved.withLock { $0.checkpoint }
    let names = contents.withLock { contents in
      let names = contents.segments.map(\.name)
      contents.phase = .promoted
      contents.begin(at: contents.folded, checkpoint: checkpoint)
      return names
    }
    try remove(names)
  }
}

extension StreamJournal.Contents {
  /// The last record of the newest segment that retention may fold; nil if there is none.
  func retentionTarget(now: WallTime) -> SequenceNumber? {
    guard phase == .complete, let newest = segments.last(where: { $0.lastTime != nil })?.lastTime,
      let checkpoint = history.latestSequence
    else { return nil }
    let limit = min(checkpoint, oldestNeeded ?? checkpoint)
    let reference = min(newest, now)
    var byteCount = segments.reduce(0) { $0 + $1.usedByteCount }
    var target: SequenceNumber?
    for segment in segments.dropLast() {
      guard segment.lastSequence <= limit, let last = segment.lastTime else { break }
      let isOld = reference.seconds(since: last) > Double(settings.historySeconds)
      guard isOld || byteCount > settings.hardLimitByteCount else { break }
      byteCount -= segment.usedByteCount
      target = segment.lastSequence
    }
    return target
  }
}
