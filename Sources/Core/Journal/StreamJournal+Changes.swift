// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

extension StreamJournal {
  /// The bytes of a volume that records after one point, up to a later one, wrote: in order, with
  /// gaps between them.
  ///
  /// It is what the index says, without reading any data: bytes that were written with what they
  /// held before are among them. May be called from any number of threads.
  ///
  /// Fails like ``read(volume:at:into:asOf:)`` for either point.
  package func changes(
    volume: Int,
    after earlier: SequenceNumber,
    through later: SequenceNumber
  ) throws(JournalError) -> [Range<UInt64>] {
    var changed = ByteRanges()
    // Runs never change, and no fold has passed `earlier` when they are taken.
    let runs = try contents.withLock { contents throws(JournalError) in
      try contents.check(earlier)
      try contents.check(later)
      for segment in contents.segments {
        segment.recent?.forEachEntry(of: volume, after: earlier, through: later) {
          changed.add($0.lower..<$0.upper)
        }
      }
      return contents.runs
    }
    changed.settle()
    for run in runs {
      run.forEachEntry(of: volume, after: earlier, through: later) {
        changed.add($0.lower..<$0.upper)
      }
      changed.settle()
    }
    return changed.ranges
  }
}

/// A set of bytes in the making: ranges come in any order and may overlap.
struct ByteRanges {
  /// In order, with gaps between them; without what came since ``settle()``.
  private(set) var ranges: [Range<UInt64>] = []
  private var new: [Range<UInt64>] = []

  mutating func add(_ range: Range<UInt64>) { new.append(range) }

  /// Makes what was added a part of the set.
  mutating func settle() {
    new.sort { $0.lowerBound < $1.lowerBound }
    var union: [Range<UInt64>] = []
    union.reserveCapacity(ranges.count)
    var (old, added) = (ranges[...], new[...])
    while let next = Self.popFirst(&old, &added) {
      if let last = union.last, next.lowerBound <= last.upperBound {
        union[union.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
      } else {
        union.append(next)
      }
    }
    ranges = union
    new.removeAll(keepingCapacity: true)
  }

  private static func popFirst(
    _ a: inout ArraySlice<Range<UInt64>>,
    _ b: inout ArraySlice<Range<UInt64>>
  ) -> Range<UInt64>? {
    guard let first = a.first, let second = b.first else { return a.popFirst() ?? b.popFirst() }
    return first.lowerBound <= second.lowerBound ? a.popFirst() : b.popFirst()
  }
}
