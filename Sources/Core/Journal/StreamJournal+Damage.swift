// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

// Bytes of a segment may rot on the disk. Whoever reads an extent sums it up, so damage is found by
// the read or the fold that needs the bytes, which fails. Everything else goes on: other bytes, and
// points that do not need the extent. Once something newer has been written over it, a fold goes
// past it; until then none does that would need it.

/// Bytes of a segment that are not what was written.
package struct JournalDamage: Hashable, Sendable {
  /// The segment's file, and where in it the record's bytes begin.
  package var file: String
  package var offset: UInt64
}

extension StreamJournal {
  /// An extent that was found damaged, and where its bytes belong.
  struct Damage: Hashable, Sendable {
    var extent: Extent
    var volume: Int
    /// A byte of the volume that a point needs of it.
    var place: UInt64
  }

  /// Takes note of an extent that is damaged; the error to fail with.
  func damaged(_ extent: Extent, volume: Int, at place: UInt64) -> JournalError {
    let damage = Damage(extent: extent, volume: volume, place: place)
    contents.withLock { $0.note(damage) }
    return .corrupt(file: damage.report.file, offset: damage.report.offset)
  }

  /// The first of several targets of a fold, in order, that needs nothing known to be damaged.
  func firstSound(of targets: [SequenceNumber]) -> SequenceNumber? {
    let damages = contents.withLock { $0.damages }
    return targets.first { target in !damages.contains { isNeeded($0, asOf: target) } }
  }

  private func isNeeded(_ damage: Damage, asOf point: SequenceNumber) -> Bool {
    var (resolution, view, folded) = contents.withLock { contents in
      (
        contents.lookUp(
          volume: damage.volume,
          offset: damage.place / IndexEntry.chunkByteCount * IndexEntry.chunkByteCount,
          count: Int(IndexEntry.chunkByteCount),
          asOf: point
        ), contents.view, contents.folded
      )
    }
    defer { contents.withLock { $0.giveBack(resolution) } }
    view.finish(&resolution, volume: damage.volume, asOf: point, after: folded)
    return resolution.pieces.contains { piece in
      if case .segment(damage.extent, _) = piece.place { true } else { false }
    }
  }
}

extension StreamJournal.Damage {
  var report: JournalDamage {
    JournalDamage(
      file: SegmentHeader.fileName(extent.segment),
      offset: UInt64(extent.fileOffset)
    )
  }
}

extension StreamJournal.Contents {
  /// A disk that rots has more; each fold and each read finds what it needs.
  private static let damageLimit = 256

  mutating func note(_ damage: StreamJournal.Damage) {
    guard damages.count < Self.damageLimit,
      !damages.contains(where: { $0.extent == damage.extent })
    else { return }
    damages.append(damage)
  }
}
