// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Where some bytes of a volume are, as of a point.
enum Place: Equatable {
  /// From a byte of the extent on.
  case segment(Extent, from: Int)
  case zeroes
  case replica
}

/// One stretch of a volume whose bytes are together in one place.
struct Piece: Equatable {
  /// Counted from the volume's beginning.
  var offset: UInt64
  var count: Int
  var place: Place

  /// Whether `next` goes on where this one ends, in the same place.
  func continues(with next: Piece) -> Bool {
    guard offset + UInt64(count) == next.offset else { return false }
    switch (place, next.place) {
    case (.replica, .replica), (.zeroes, .zeroes): return true
    // Each extent is checked by itself.
    default: return false
    }
  }
}

/// A look-up in the making: what was found, and what is still to be found in older records.
///
/// It is used over and over, so that a look-up allocates nothing.
struct Resolution {
  private(set) var pieces: [Piece] = []
  /// What newer records do not cover of the stretch that is being looked up.
  private(set) var open: [Range<UInt64>] = []
  /// What the newest part of the index left open; each lies within one chunk.
  private var waiting: [Range<UInt64>] = []

  var isEmpty: Bool { pieces.isEmpty && open.isEmpty && waiting.isEmpty }

  mutating func removeAll() {
    pieces.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    waiting.removeAll(keepingCapacity: true)
  }

  /// Begins with a stretch, which lies within one chunk.
  mutating func begin(_ stretch: Range<UInt64>) {
    open.removeAll(keepingCapacity: true)
    open.append(stretch)
  }

  /// Puts what is open aside for ``resume(_:)``.
  mutating func suspend() { waiting.append(contentsOf: open) }

  /// Calls `search` for each stretch that was put aside; what it leaves open is in the replica.
  mutating func resume(_ search: (inout Resolution, Range<UInt64>) -> Void) {
    for index in waiting.indices {
      begin(waiting[index])
      search(&self, waiting[index])
      for rest in open { add(rest, .replica) }
    }
  }

  /// Gives an entry's bytes to what is open of them.
  mutating func cover(_ entry: IndexEntry, segment: UInt64?) {
    let (lower, upper) = (entry.lower, entry.upper)
    let extent = entry.extent(in: segment)
    var index = 0
    while index < open.count {
      let gap = open[index]
      let part = max(gap.lowerBound, lower)..<max(lower, min(gap.upperBound, upper), gap.lowerBound)
      guard !part.isEmpty else {
        index += 1
        continue
      }
      add(part, extent.map { .segment($0, from: Int(part.lowerBound - lower)) } ?? .zeroes)
      let left = gap.lowerBound..<part.lowerBound
      let right = part.upperBound..<gap.upperBound
      switch (left.isEmpty, right.isEmpty) {
      case (true, true): open.remove(at: index)
      case (true, false): open[index] = right
      case (false, true): open[index] = left
      case (false, false):
        open[index] = left
        open.insert(right, at: index + 1)
        index += 1
      }
      if !left.isEmpty || !right.isEmpty { index += 1 }
    }
  }

  private mutating func add(_ range: Range<UInt64>, _ place: Place) {
    let piece = Piece(
      offset: range.lowerBound,
      count: Int(range.upperBound - range.lowerBound),
      place: place
    )
    if let last = pieces.last, last.continues(with: piece) {
      pieces[pieces.count - 1].count += piece.count
    } else {
      pieces.append(piece)
    }
  }

  /// Puts the pieces in the order of the volume.
  mutating func sort() {
    pieces.sort { $0.offset < $1.offset }
  }
}
