// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Where the content of each byte of the volumes is, for every point the journal holds.
///
/// Volumes are cut into chunks of 64 KiB. Every chunk with records has a list of extents in the
/// order of their sequence numbers; a read walks it from the newest one that is not after its
/// point, and what no extent covers is in the replica.
struct ExtentIndex {
  static let chunkByteCount: UInt64 = 65536

  /// A piece of one record within one chunk.
  struct Extent {
    var sequence: SequenceNumber
    /// Where the bytes are in the segment's file; unused for zeroes.
    var fileOffset: UInt64
    /// The segment's number, or ``zeroes``.
    var segment: UInt32
    /// The first byte within the chunk.
    var start: UInt32
    var count: UInt32

    static let zeroes = UInt32.max
  }

  /// Where some bytes of a read are.
  enum Place: Equatable {
    case segment(UInt32, fileOffset: UInt64)
    case zeroes
    case replica
  }

  /// One stretch of a read, `position` bytes from its beginning.
  struct Piece: Equatable {
    var position: Int
    var count: Int
    var place: Place

    /// Whether `next` goes on where this one ends, in the same place.
    func continues(with next: Piece) -> Bool {
      guard position + count == next.position else { return false }
      switch (place, next.place) {
      case (.replica, .replica), (.zeroes, .zeroes): return true
      case (.segment(let a, let start), .segment(let b, let follow)):
        return a == b && start + UInt64(count) == follow
      default: return false
      }
    }
  }

  private var volumes: [[UInt64: [Extent]]]
  var volumeCount: Int { volumes.count }
  private(set) var extentCount = 0

  init(volumeCount: Int) {
    volumes = Array(repeating: [:], count: volumeCount)
  }

  /// Adds a record, which is newer than all before it.
  mutating func add(
    _ sequence: SequenceNumber,
    volume: Int,
    offset: UInt64,
    count: UInt32,
    segment: UInt32,
    fileOffset: UInt64
  ) {
    var position = offset
    let end = offset + UInt64(count)
    while position < end {
      let chunk = position / Self.chunkByteCount
      let stop = min(end, (chunk + 1) * Self.chunkByteCount)
      let extent = Extent(
        sequence: sequence,
        fileOffset: fileOffset + (position - offset),
        segment: segment,
        start: UInt32(position % Self.chunkByteCount),
        count: UInt32(stop - position)
      )
      volumes[volume][chunk, default: []].append(extent)
      extentCount += 1
      position = stop
    }
  }

  /// The pieces that make up a range as of a point, in no particular order.
  ///
  /// They cover every byte exactly once.
  func pieces(
    volume: Int,
    offset: UInt64,
    count: Int,
    asOf point: SequenceNumber
  ) -> [Piece] {
    var pieces: [Piece] = []
    var position = offset
    let end = offset + UInt64(count)
    while position < end {
      let chunk = position / Self.chunkByteCount
      let stop = min(end, (chunk + 1) * Self.chunkByteCount)
      let base = chunk * Self.chunkByteCount
      resolve(
        volumes[volume][chunk] ?? [],
        lower: UInt32(position - base),
        upper: UInt32(stop - base),
        position: Int(position - offset),
        asOf: point,
        into: &pieces
      )
      position = stop
    }
    return pieces
  }

  private func resolve(
    _ extents: [Extent],
    lower: UInt32,
    upper: UInt32,
    position: Int,
    asOf point: SequenceNumber,
    into pieces: inout [Piece]
  ) {
    func add(_ range: Range<UInt32>, _ place: Place) {
      let piece = Piece(
        position: position + Int(range.lowerBound - lower),
        count: range.count,
        place: place
      )
      if let last = pieces.last, last.continues(with: piece) {
        pieces[pieces.count - 1].count += piece.count
      } else {
        pieces.append(piece)
      }
    }
    var open: [Range<UInt32>] = [lower..<upper]
    var candidate = Self.prefixCount(of: extents, through: point)
    while candidate > 0, !open.isEmpty {
      candidate -= 1
      let extent = extents[candidate]
      let covered = extent.start..<(extent.start + extent.count)
      guard open.contains(where: { $0.overlaps(covered) }) else { continue }
      var rest: [Range<UInt32>] = []
      for range in open {
        let part = range.clamped(to: covered)
        guard !part.isEmpty else {
          rest.append(range)
          continue
        }
        add(
          part,
          extent.segment == Extent.zeroes
            ? .zeroes
            : .segment(
              extent.segment,
              fileOffset: extent.fileOffset + UInt64(part.lowerBound - extent.start)
            )
        )
        if range.lowerBound < part.lowerBound { rest.append(range.lowerBound..<part.lowerBound) }
        if part.upperBound < range.upperBound { rest.append(part.upperBound..<range.upperBound) }
      }
      open = rest
    }
    for range in open { add(range, .replica) }
  }

  /// The chunks of a volume that have extents up to a point, in order.
  func chunks(of volume: Int, through point: SequenceNumber) -> [UInt64] {
    volumes[volume].compactMap { chunk, extents in
      extents.first.map { $0.sequence <= point } ?? false ? chunk : nil
    }.sorted()
  }

  /// Forgets the extents up to a point, because the replica has their content.
  mutating func forget(
    _ chunks: some Sequence<UInt64>,
    of volume: Int,
    through point: SequenceNumber
  ) {
    for chunk in chunks {
      guard var extents = volumes[volume].removeValue(forKey: chunk) else { continue }
      let gone = Self.prefixCount(of: extents, through: point)
      extentCount -= gone
      guard gone < extents.count else { continue }
      extents.removeFirst(gone)
      volumes[volume][chunk] = extents
    }
  }

  /// How many of the extents, which are in order, are not after a point.
  private static func prefixCount(of extents: [Extent], through point: SequenceNumber) -> Int {
    var low = 0
    var high = extents.count
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].sequence <= point { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
