// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

// What a full disk leaves to a journal. A fold makes room at its end, when the first segments go;
// until then it needs some, for places of the replicas that were holes. So the last spare file is
// left to folds, and while the disk is full a segment that goes becomes the next one: the journal
// lives on what it has, whoever else takes every byte that is given back.

extension StreamJournal {
  /// Removes a spare file if that gives room to a replica; false if it does not.
  func giveUpSpare(for replica: any StorageFile) throws(JournalError) -> Bool {
    let isOfUse = try stored { () throws(StorageError) in try folder.sharesRoom(with: replica) }
    let spare = making.withLock { _ in
      contents.withLock { isOfUse ? $0.spares.popLast() : nil }
    }
    guard let spare else { return false }
    try remove([spare.name])
    return true
  }

  /// Gives back the room of spare files that a journal can do without.
  func removeSparesForOthers() throws(JournalError) {
    let names = making.withLock { _ in
      contents.withLock { contents in
        let names = contents.spares.dropFirst(contents.sparesWhenFull).map(\.name)
        contents.spares.removeLast(names.count)
        return names
      }
    }
    try remove(names)
  }

  /// How many segments can be folded at once, at least one: into holes each needs its own room.
  func foldableSegmentCount() throws(JournalError) -> Int {
    let free = try stored { () throws(StorageError) in try folder.freeByteCount() }
    return contents.withLock { contents in
      guard let free else { return Int.max }
      let spare = contents.spares.reduce(0) { $0 + $1.byteCount }
      return max(1, Int((free + spare) / contents.settings.segmentByteCount))
    }
  }
}

extension StreamJournal.Contents {
  /// So many spare files are for folds alone.
  private static let sparesForFolds = 1

  /// Spare files that are kept while the disk is full: with the segment that is ready, or is to be
  /// made of one of them, the journal can go on and fold.
  var sparesWhenFull: Int { Self.sparesForFolds + (prepared == nil ? 1 : 0) }

  /// How many more spare files are kept.
  var spareRoom: Int {
    max(0, (isSpaceShort ? sparesWhenFull : settings.spareLimit) - spares.count)
  }

  /// Whether the journal can go on without any room.
  var canGoOn: Bool { spares.count >= sparesWhenFull }

  /// Whether a spare file can become a segment.
  var hasSpareToUse: Bool {
    spares.count > Self.sparesForFolds
      && spares.contains { $0.byteCount == settings.segmentByteCount }
  }

  /// Whether a segment is to be made ready.
  var isSegmentWanted: Bool { prepared == nil && (!isSpaceShort || hasSpareToUse) }

  /// Whether a spare file is to be made for folds.
  var isSpareWanted: Bool { !isSpaceShort && spares.count < Self.sparesForFolds }

  /// A spare file that nobody reads any more, but for those that are for folds.
  mutating func takeSpare() -> Spare? {
    guard hasSpareToUse else { return nil }
    let oldest = readers.lazy.map(\.ticket).min() ?? UInt64.max
    guard
      let index = spares.firstIndex(where: {
        $0.ticket < oldest && $0.byteCount == settings.segmentByteCount
      })
    else { return nil }
    return spares.remove(at: index)
  }
}
