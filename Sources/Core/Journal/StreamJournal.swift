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
/// One thread appends, another one may fold, and any number read. Locks are taken in the order
/// appender, folding, saved, contents. `contents` guards memory alone: there is no I/O under it.
package final class StreamJournal: Sendable {
  let folder: any StorageFolder
  let replicas: [any StorageFile]
  let volumeSizes: [UInt64]
  let stream: StreamIdentifier

  let appender: Mutex<Appender>
  let folding = Mutex<Void>(())
  let saved: Mutex<SavedState>
  let contents: Mutex<Contents>

  /// Opens the journal in a folder, or makes one if the folder is empty.
  ///
  /// Every segment is read and checked, a torn end is cut off, and a fold that was interrupted is
  /// finished.
  ///
  /// - Parameters:
  ///   - stream: Whose journal it is; at most 88 bytes of text without spaces.
  ///   - folder: The journal's own folder.
  ///   - replicas: A file for each volume; lengthened to the volume's size.
  ///   - volumeSizes: In bytes, in the order records count volumes.
  ///   - settings: How much is kept.
  /// - Throws: ``JournalError`` if the folder holds something else, is damaged, or storage fails.
  package init(
    stream: StreamIdentifier,
    folder: any StorageFolder,
    replicas: [any StorageFile],
    volumeSizes: [UInt64],
    settings: Settings
  ) throws(JournalError) {
    precondition(replicas.count == volumeSizes.count, "each volume has one replica")
    self.stream = stream
    self.folder = folder
    self.replicas = replicas
    self.volumeSizes = volumeSizes
    for (replica, size) in zip(replicas, volumeSizes) {
      try stored { () throws(StorageError) in
        if try replica.byteCount() < size { try replica.resize(to: size) }
      }
    }
    let recovered = try Recovery.run(
      stream: stream,
      folder: folder,
      volumeSizes: volumeSizes,
      settings: settings
    )
    appender = Mutex(Appender())
    saved = Mutex(recovered.state)
    contents = Mutex(recovered.contents)
    if recovered.state.folding > recovered.state.folded {
      try fold(through: recovered.state.folding)
    }
    if recovered.state.isPromoted { try dropSegments() }
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
        journalByteCount: contents.segments.reduce(0) { $0 + $1.usedByteCount },
        segmentCount: contents.segments.count,
        extentCount: contents.index.extentCount,
        holdCount: contents.holds.count,
        checkpointCount: contents.history.checkpointCount,
        earliestCheckpoint: contents.history.earliest,
        latestCheckpoint: contents.history.latest
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
  /// Holds do not outlive the process.
  package func hold(_ point: SequenceNumber) throws(JournalError) -> HoldToken {
    try contents.withLock { contents throws(JournalError) in
      try contents.check(point)
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

extension StreamJournal {
  /// How much is kept.
  package struct Settings: Hashable, Sendable {
    /// Points within so many seconds of the newest record are kept.
    package var historySeconds: Int
    /// Above so many bytes of segments the history is shortened.
    package var hardLimitByteCount: UInt64
    /// The size of a segment's file.
    package var segmentByteCount: UInt64

    package init(
      historySeconds: Int,
      hardLimitByteCount: UInt64,
      segmentByteCount: UInt64 = 64 << 20
    ) {
      self.historySeconds = historySeconds
      self.hardLimitByteCount = hardLimitByteCount
      self.segmentByteCount = segmentByteCount
    }

    /// A segment is closed after this time even if it is not full, so that history can be
    /// shortened in steps that are small against it.
    var segmentMilliseconds: Int64 { max(60_000, Int64(historySeconds) * 1000 / 16) }
  }

  /// Whether replicas and segments together can give points.
  enum Phase: Sendable {
    /// The first sync writes into the replicas directly.
    case filling
    case complete
    case promoted
  }

  /// What readers, the appender and a fold share.
  struct Contents: Sendable {
    var phase: Phase
    var durable: SequenceNumber
    var folded: SequenceNumber
    /// Points before this cannot be read: the end of the fold that runs, else `folded`.
    var floor: SequenceNumber
    var index: ExtentIndex
    var history: StreamHistory
    /// Oldest first.
    ///
    /// The appender writes to the last one.
    var segments: [Segment] = []
    var lastSegmentNumber: UInt32 = 0
    var holds: [UInt64: SequenceNumber] = [:]
    /// Points that reads in flight need, and how many of them.
    var readers: [SequenceNumber: Int] = [:]
    var lastHold: UInt64 = 0
    var settings: Settings

    /// Whether a point can be read.
    func check(_ point: SequenceNumber) throws(JournalError) {
      guard phase != .filling else { throw .incomplete }
      guard point >= floor else { throw .pointGone(point) }
      guard point <= durable else { throw .pointAhead(point) }
    }

    /// The oldest point that something still needs.
    var oldestNeeded: SequenceNumber? {
      [holds.values.min(), readers.keys.min()].compactMap { $0 }.min()
    }

    /// The segment an extent refers to.
    ///
    /// Numbers in `segments` are consecutive.
    func segment(_ number: UInt32) -> Segment {
      segments[Int(number - segments[0].number)]
    }
  }
}
