// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

/// One VM's journal and the replicas of its volumes.
///
/// What must hold, whatever crashes when:
/// - A record whose ``append(_:payload:)`` has returned is durable.
/// - The content of every point from ``JournalState/folded`` on is what the records up to it say.
/// - A segment goes away only after its records are durable in the replicas.
///
/// One thread appends, another one may fold and call ``maintain()``, and any number read. Locks
/// are taken in the order appender, folding, tending, making, saved, contents. `contents` guards
/// memory alone: there is no I/O under it.
package final class StreamJournal: Sendable {
  let folder: any StorageFolder
  let stream: StreamIdentifier
  /// Gives the salt of a segment.
  let salts: @Sendable () -> UInt64

  let appender: Mutex<Appender>
  let folding = Mutex<Void>(())
  let tending = Mutex<Void>(())
  let making = Mutex<Void>(())
  let saved: Mutex<SavedState>
  let contents: Mutex<Contents>

  /// Opens the journal in a folder, or makes one if the folder is empty.
  ///
  /// Segments with an index file are not read; one without is, and every byte of it is checked. A
  /// torn end is cut off, and a fold that was interrupted is finished.
  ///
  /// - Parameters:
  ///   - stream: Whose journal it is; at most 88 bytes of text without spaces.
  ///   - folder: The journal's own folder.
  ///   - replicas: A file for each volume there is and each that points still have, by number;
  ///     lengthened to the volume's size, unless the journal is promoted.
  ///   - volumeSizes: In bytes, by number. A new journal begins with these; one that is there keeps
  ///     its volumes until a sync says otherwise.
  ///   - settings: How much is kept.
  ///   - salts: Gives a number that was not there before and cannot be guessed.
  /// - Throws: ``JournalError`` if the folder holds something else, is damaged, or storage fails.
  package init(
    stream: StreamIdentifier,
    folder: any StorageFolder,
    replicas: [any StorageFile],
    volumeSizes: [UInt64],
    settings: Settings,
    salts: @escaping @Sendable () -> UInt64 = { .random(in: 1 ... .max) }
  ) throws(JournalError) {
    precondition(replicas.count >= volumeSizes.count, "each volume has one replica")
    self.stream = stream
    self.folder = folder
    self.salts = salts
    // A promoted journal's replicas are somebody's disks, as long as they were at its point.
    let isPromoted = try SavedState.load(from: folder)?.isPromoted ?? false
    for (replica, size) in zip(replicas, volumeSizes) where !isPromoted {
      try stored { () throws(StorageError) in
        guard try replica.byteCount() < size else { return }
        try replica.resize(to: size)
        try replica.sync()
      }
    }
    let recovered = try Recovery.run(
      stream: stream,
      folder: folder,
      replicas: try Replicas(replicas),
      volumes: VolumeSizes(volumeSizes),
      settings: settings
    )
    appender = Mutex(Appender(buffer: AlignedBuffer(for: folder)))
    saved = Mutex(recovered.state)
    contents = Mutex(recovered.contents)
    if recovered.state.folding > recovered.state.folded {
      // If a record's bytes are damaged, or if the disk is full, points from there on can be read
      // nevertheless, and the next fold goes on.
      do { try fold(through: recovered.state.folding) } catch .corrupt, .storage(.full) {}
    }
    if recovered.state.isPromoted { try finishPromotion() }
    if !recovered.state.isComplete { try distrustMemory() }
  }

  /// The files of the volumes, by number.
  var replicas: Replicas { contents.withLock { $0.replicas } }

  /// Takes replicas of volumes to come, or that are to grow; the ones there are stay what they are.
  package func provide(_ replicas: [any StorageFile]) throws(JournalError) {
    let new = try Replicas(replicas)
    contents.withLock { contents in
      precondition(new.count >= contents.replicas.count, "points need the replicas there are")
      contents.replicas = new
    }
  }

  /// The volumes just after a record.
  package func volumes(at point: SequenceNumber) -> VolumeSizes {
    contents.withLock { $0.history.volumes(at: point) }
  }

  /// Where the journal stands.
  package var state: JournalState {
    contents.withLock { contents in
      JournalState(
        durable: contents.durable,
        folded: contents.floor,
        isComplete: contents.phase != .filling,
        isPromoted: contents.phase == .promoted,
        openSync: contents.history.openSync
      )
    }
  }

  /// Sizes and counts, for showing.
  package var statistics: JournalStatistics {
    contents.withLock { contents in
      JournalStatistics(
        journalByteCount: contents.usedByteCount,
        allocatedByteCount: contents.allocatedByteCount,
        segmentCount: contents.segments.count,
        spareCount: contents.spares.count,
        extentCount: contents.extentCount,
        runCount: contents.runs.count,
        holdCount: contents.holds.count,
        checkpointCount: contents.history.checkpointCount,
        earliestCheckpoint: contents.history.earliest,
        latestCheckpoint: contents.history.latest,
        oldestTime: contents.segments.first { !$0.isEmpty }?.firstTime,
        newestTime: contents.segments.last { !$0.isEmpty }?.lastTime,
        shortened: contents.shortened,
        isSpaceShort: contents.isSpaceShort,
        rebuiltIndexes: contents.rebuiltIndexes,
        damages: contents.damages.map(\.report)
      )
    }
  }

  /// Changes history and limits from now on.
  package func configure(_ settings: Settings) {
    contents.withLock { $0.settings = settings }
  }

  /// The checkpoints that can be recovered to, oldest first: none within a sync, none before the
  /// replicas' content.
  package func checkpoints() -> [Checkpoint] {
    contents.withLock { $0.phase == .filling ? [] : $0.history.checkpoints(from: $0.floor) }
  }

  /// The record of a checkpoint that can be recovered to.
  package func sequence(of checkpoint: CheckpointIdentifier) -> SequenceNumber? {
    contents.withLock { contents in
      guard contents.phase != .filling, let sequence = contents.history.sequence(of: checkpoint)
      else { return nil }
      return sequence >= contents.floor ? sequence : nil
    }
  }

  /// Keeps a point readable until ``release(_:)``.
  ///
  /// Holds do not outlive the process. Fails with ``JournalError/insideSync(_:)`` if the disks
  /// were never as the records up to the point say.
  package func hold(_ point: SequenceNumber) throws(JournalError) -> HoldToken {
    try contents.withLock { contents throws(JournalError) in
      guard !contents.isClosed else { throw .moved }
      try contents.validate(point)
      contents.lastHold += 1
      contents.holds[contents.lastHold] = point
      return HoldToken(number: contents.lastHold)
    }
  }

  /// Ends a hold.
  package func release(_ token: HoldToken) {
    contents.withLock { _ = $0.holds.removeValue(forKey: token.number) }
  }

  /// Changes what is saved beside the segments; in memory only after it is durable.
  func save(_ change: (inout SavedState) -> Void) throws(JournalError) {
    try saved.withLock { saved throws(JournalError) in
      var next = saved
      change(&next)
      try next.save(to: folder)
      saved = next
    }
  }
}
