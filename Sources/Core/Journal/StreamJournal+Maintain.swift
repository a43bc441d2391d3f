// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// Whether ``maintain()`` has something to do.
  package var needsMaintenance: Bool {
    contents.withLock { contents in
      contents.phase == .complete
        && (contents.isSegmentWanted || contents.isSpareWanted
          || contents.segments.suffix(2).contains { $0.isClosed && $0.recent != nil })
    }
  }

  /// Does what appends and reads should not have to wait for: writes the index of closed segments,
  /// merges parts of the index, and makes the next segment ready.
  ///
  /// To be called by a thread of its own, soon after ``needsMaintenance`` is true. Without it
  /// everything works, more slowly. Fails as storage fails; what was not done is tried again.
  package func maintain() throws(JournalError) {
    try indexClosedSegments()
    tending.withLock { _ in mergeRuns() }
    guard contents.withLock({ $0.phase == .complete }) else { return }
    if contents.withLock({ $0.isSegmentWanted }) {
      if contents.withLock({ !$0.isSpaceShort && !$0.hasSpareToUse }) { try makeSpare() }
      try makeSegmentReady()
    }
    if contents.withLock({ $0.isSpareWanted }) { try makeSpare() }
  }

  /// Writes spare files until segments for so many bytes need no new ones.
  package func prepare(byteCount: UInt64) throws(JournalError) {
    while contents.withLock({ contents in
      contents.spares.reduce(0) { $0 + $1.byteCount } < byteCount
    }) {
      try makeSpare()
    }
    try makeSegmentReady()
  }

  // MARK: Index files

  /// Turns what closed segments have in memory into runs, and writes it to files.
  func indexClosedSegments() throws(JournalError) {
    try tending.withLock { _ throws(JournalError) in
      while let segment = contents.withLock({ contents in
        contents.segments.first { $0.isClosed && $0.recent != nil }
      }) {
        try index(segment)
      }
    }
  }

  private func index(_ segment: Segment) throws(JournalError) {
    guard let recent = segment.recent else { return }
    let run = IndexRun(recent, last: segment.lastSequence, volumeCount: replicas.count)
    var segment = segment
    var failure: StorageError?
    do throws(StorageError) {
      try IndexFile.write(segment, run, to: folder)
      segment.isIndexed = true
      try trim(&segment)
      // Without what writing needed. If a fold was faster, the name is gone and the file too.
      if let file = try? folder.open(segment.name, creating: false) { segment.file = file }
    } catch { failure = error }
    // Also without the file: opening will read the segment then.
    let isThere = contents.withLock { contents in
      guard let place = contents.segments.firstIndex(where: { $0.ordinal == segment.ordinal })
      else { return false }
      segment.recent = nil
      segment.events = []
      contents.segments[place] = segment
      contents.runs.append(run)
      contents.refreshView()
      return true
    }
    if let failure { throw failed(failure) }
    guard !isThere else { return }
    // It was folded away meanwhile.
    try stored { () throws(StorageError) in
      try folder.remove(segment.indexName)
      try folder.sync()
    }
  }

  /// Gives back what a closed segment does not use, if it is much.
  private func trim(_ segment: inout Segment) throws(StorageError) {
    guard segment.usedByteCount < segment.fileByteCount / 2 else { return }
    try segment.file.resize(to: segment.usedByteCount)
    segment.fileByteCount = segment.usedByteCount
  }

  // MARK: Merging

  /// Keeps the number of runs small, so that a read looks into few.
  private func mergeRuns() {
    while true {
      let (runs, folded) = contents.withLock { ($0.runs, $0.folded) }
      guard let range = Self.mergeable(runs, folded: folded) else { return }
      let old = Array(runs[range])
      let new = IndexRun(merging: old, after: folded, volumeCount: replicas.count)
      contents.withLock { contents in
        // A fold may have dropped some of them.
        guard let start = contents.runs.firstIndex(where: { $0 === old[0] }) else { return }
        contents.runs.replaceSubrange(start..<(start + old.count), with: [new])
        contents.refreshView()
      }
    }
  }

  /// The runs to be made one, if any.
  ///
  /// No run gets larger than a sixteenth of all, or half a million entries: while it is made, that
  /// much is in memory twice.
  static func mergeable(_ runs: [IndexRun], folded: SequenceNumber) -> Range<Int>? {
    if let oldest = runs.first, oldest.base < folded {
      let records = oldest.last.rawValue - oldest.base.rawValue
      if min(folded, oldest.last).rawValue - oldest.base.rawValue > records / 4 { return 0..<1 }
    }
    let limit = max(1 << 19, runs.reduce(0) { $0 + $1.count } / 16)
    var end = runs.count
    while end > 1 {
      var start = end - 1
      var sum = runs[start].count
      var (low, high) = (max(sum, 4096), max(sum, 4096))
      while start > 0 {
        let count = max(runs[start - 1].count, 4096)
        guard sum + count <= limit, max(high, count) <= 4 * min(low, count),
          IndexRun.canMerge(runs[(start - 1)..<end])
        else { break }
        (low, high) = (min(low, count), max(high, count))
        sum += runs[start - 1].count
        start -= 1
      }
      if end - start >= 4 || end - start >= 2 && sum > limit / 2 { return start..<end }
      end -= 1
    }
    return nil
  }
}
