// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

/// A run of a volume's bytes that are known to be zero, or may be anything.
package struct VolumeExtent: Hashable, Sendable {
  /// In bytes.
  package var count: UInt64
  package var isZero: Bool

  package init(count: UInt64, isZero: Bool) {
    self.count = count
    self.isZero = isZero
  }
}

extension StreamJournal {
  /// How much of a question the first look-up answers.
  ///
  /// A client that asks for one extent at a time, as `qemu-img convert` does, pays for no more than
  /// it is told.
  private static let firstStepByteCount: UInt64 = 64 << 10

  /// How much one look-up answers at most: memory and time under the lock stay small.
  private static let longestStepByteCount: UInt64 = 16 << 20

  /// Which bytes of a range are zero as of a record, without reading them.
  ///
  /// The extents begin at `offset`, neighbours differ, and there is at least one; there are at most
  /// `limit`, and they may cover less than the `count` bytes asked about. May be called from any
  /// number of threads.
  ///
  /// Fails like ``read(volume:at:into:asOf:)``.
  package func extents(
    volume: Int,
    at offset: UInt64,
    count: UInt64,
    asOf point: SequenceNumber,
    limit: Int
  ) throws(JournalError) -> [VolumeExtent] {
    var extents = ExtentList()
    var position = offset
    var step = Self.firstStepByteCount
    // A limit is passed by what one step finds, never by more.
    while position < offset + count, extents.runs.count <= limit {
      let part = min(step, offset + count - position)
      try addExtents(
        volume: volume,
        at: position,
        count: Int(part),
        asOf: point,
        to: &extents
      )
      position += part
      step = min(2 * step, Self.longestStepByteCount)
    }
    return Array(extents.runs.prefix(limit))
  }

  /// The same as it is now, with everything that is durable: what ``readLatest(volume:at:into:)``
  /// would find, if it were asked at this moment.
  package func latestExtents(
    volume: Int,
    at offset: UInt64,
    count: UInt64,
    limit: Int
  ) throws(JournalError) -> [VolumeExtent] {
    let (phase, durable) = contents.withLock { ($0.phase, $0.durable) }
    guard phase == .filling else {
      return try extents(volume: volume, at: offset, count: count, asOf: durable, limit: limit)
    }
    var extents = ExtentList()
    try stored { () throws(StorageError) in
      try Self.addExtents(of: replicas[volume], offset..<offset + count, to: &extents)
    }
    return Array(extents.runs.prefix(limit))
  }

  private func addExtents(
    volume: Int,
    at offset: UInt64,
    count: Int,
    asOf point: SequenceNumber,
    to extents: inout ExtentList
  ) throws(JournalError) {
    var read = try begin(volume: volume, at: offset, count: count, asOf: point)
    defer { end(read) }
    read.resolution.sort()
    for piece in read.resolution.pieces {
      switch piece.place {
      case .segment: extents.add(UInt64(piece.count), isZero: false)
      case .zeroes: extents.add(UInt64(piece.count), isZero: true)
      case .replica:
        let range = piece.offset..<piece.offset + UInt64(piece.count)
        try stored { () throws(StorageError) in
          try Self.addExtents(of: read.replica, range, to: &extents)
        }
      }
    }
  }

  /// Holes of the replica are zero; that a fold fills others meanwhile changes nothing here, for it
  /// leaves the bytes alone that come from the replica.
  private static func addExtents(
    of replica: any StorageFile,
    _ range: Range<UInt64>,
    to extents: inout ExtentList
  ) throws(StorageError) {
    var position = range.lowerBound
    while position < range.upperBound {
      let data = try replica.nextData(from: position)
      let next = (data ?? range.upperBound..<range.upperBound).clamped(
        to: position..<range.upperBound
      )
      extents.add(next.lowerBound - position, isZero: true)
      extents.add(UInt64(next.count), isZero: false)
      position = next.upperBound
    }
  }
}

/// Extents in the making.
private struct ExtentList {
  private(set) var runs: [VolumeExtent] = []

  mutating func add(_ count: UInt64, isZero: Bool) {
    guard count > 0 else { return }
    if runs.last?.isZero == isZero {
      runs[runs.count - 1].count += count
    } else {
      runs.append(VolumeExtent(count: count, isZero: isZero))
    }
  }
}
