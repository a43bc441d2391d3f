// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The byte ranges of one volume that the guest wrote while a sync was reading a piece of it.
///
/// A sync reads the disk while the guest writes to it, and what it read may be older than what
/// the stream holds already. The rule that makes both converge: *a pulled block never overwrites
/// a streamed one*. So from before the read until what was read is in the stream, every range the
/// stream gets is noted here, and those bytes are left out of what was read.
///
/// Holds a fixed number of ranges and allocates nothing while it watches.
package struct PullConflicts: Sendable {
  private var starts: [UInt64]
  private var ends: [UInt64]
  private var count = 0
  private var watched: Range<UInt64> = 0..<0
  /// More ranges than there is room for: what was read must be read again.
  package private(set) var isOverflowed = false

  package init(capacity: Int = 256) {
    starts = Array(repeating: 0, count: capacity)
    ends = Array(repeating: 0, count: capacity)
  }

  /// Forgets everything and notes what touches `range` from here on.
  package mutating func watch(_ range: Range<UInt64>) {
    watched = range
    count = 0
    isOverflowed = false
  }

  /// Notes nothing any more.
  package mutating func stop() { watch(0..<0) }

  /// The stream got `byteCount` bytes at `offset`.
  package mutating func note(offset: UInt64, byteCount: UInt64) {
    guard !watched.isEmpty else { return }
    let start = max(offset, watched.lowerBound)
    let end = min(offset + byteCount, watched.upperBound)
    guard start < end else { return }
    if count > 0, start <= ends[count - 1], end >= starts[count - 1] {
      starts[count - 1] = min(starts[count - 1], start)
      ends[count - 1] = max(ends[count - 1], end)
      return
    }
    guard count < starts.count else {
      isOverflowed = true
      return
    }
    starts[count] = start
    ends[count] = end
    count += 1
  }

  /// The parts of `range`, in order, that nothing was noted of.
  package func untouched(of range: Range<UInt64>) -> [Range<UInt64>] {
    var rest = [range]
    for index in 0..<count {
      let (start, end) = (starts[index], ends[index])
      guard start < range.upperBound, end > range.lowerBound else { continue }
      rest = rest.flatMap { part -> [Range<UInt64>] in
        let before = part.lowerBound..<max(part.lowerBound, min(part.upperBound, start))
        let after = min(part.upperBound, max(part.lowerBound, end))..<part.upperBound
        return [before, after].filter { !$0.isEmpty }
      }
    }
    return rest
  }
}
