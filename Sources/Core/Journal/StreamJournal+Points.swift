// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

// Any record is a point that can be recovered to, unless it is folded or lies inside a sync.

extension StreamJournal {
  /// Whether a point can be recovered to, and if not, why.
  package func validate(_ point: SequenceNumber) throws(JournalError) {
    try contents.withLock { contents throws(JournalError) in try contents.validate(point) }
  }

  /// The last record that is not after a time by the sender's clock; nil if the journal has none.
  ///
  /// Reads a stretch of a segment at most. The record may lie inside a sync: see
  /// ``validate(_:)``.
  package func sequence(at time: WallTime) throws(JournalError) -> SequenceNumber? {
    try withSegments { segments, history, floor throws(JournalError) in
      for segment in segments.reversed() {
        guard let mark = segment.times.mark(notAfter: time) else { continue }
        var found: SequenceNumber?
        try segment.forEachRecord(from: mark) { record in
          if record.time <= time { found = record.sequence }
        }
        if let found { return found >= floor ? found : nil }
      }
      return history.baseNotAfter(time)
    }
  }

  /// The sender's time of a record; nil if only the replicas have it.
  package func pointTime(of point: SequenceNumber) throws(JournalError) -> WallTime? {
    try withSegments { segments, history, _ throws(JournalError) in
      guard
        let segment = segments.last(where: { !$0.isEmpty && $0.firstSequence <= point }),
        point <= segment.lastSequence, let mark = segment.times.mark(of: point)
      else { return history.checkpoint(at: point)?.time }
      var time: WallTime?
      try segment.forEachRecord(from: mark) { record in
        if record.sequence == point { time = record.time }
      }
      return time
    }
  }

  /// Calls `body` with the segments, none of which is overwritten meanwhile.
  private func withSegments<Result>(
    _ body: ([Segment], StreamHistory, SequenceNumber) throws(JournalError) -> Result
  ) throws(JournalError) -> Result {
    let (reader, segments, history, floor) = contents.withLock { contents in
      (contents.enter(contents.floor), contents.segments, contents.history, contents.floor)
    }
    defer { contents.withLock { $0.leave(reader) } }
    return try body(segments, history, floor)
  }
}

extension StreamJournal.Contents {
  func validate(_ point: SequenceNumber) throws(JournalError) {
    try check(point)
    guard history.sync(at: point) == 0 else { throw .insideSync(point) }
  }
}

extension Segment {
  /// Reads the records of the stretch that a time mark stands for.
  func forEachRecord(
    from mark: Int,
    _ body: (StreamRecord) -> Void
  ) throws(JournalError) {
    let scan = SegmentScan(self)
    let marks = times.marks
    let end = mark + 1 < marks.count ? marks[mark + 1].fileOffset : usedByteCount
    var offset = marks[mark].fileOffset
    while offset < end {
      guard let header = try scan.records(at: offset, body) else {
        throw .corrupt(file: name, offset: offset)
      }
      offset += UInt64(header.paddedByteCount)
    }
  }
}
