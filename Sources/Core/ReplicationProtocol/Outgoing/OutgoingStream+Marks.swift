// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// A checkpoint is marked in several streams as of one instant, in all or in none: all are locked,
// each is asked to prepare, and then each is marked, or those that are prepared abandon it.
extension OutgoingStream {
  /// The longest tag of a checkpoint, in bytes.
  package static let longestTag = 1024

  /// Makes sure that a mark has room.
  ///
  /// - Returns: Why it cannot be marked, in words that follow the stream's name; nil if it can.
  package mutating func prepareMark(_ tag: [UInt8]) -> String? {
    guard mode == .ordered else { return "is not in order: it needs or is in a sync" }
    guard records.hasRoom(for: 1) else { return "has no room for a mark" }
    guard !tag.isEmpty else { return nil }
    guard let room = unsafe sideRing.reserve(tag.count) else { return "has no room for the tag" }
    unsafe room.copyBytes(from: tag)
    return nil
  }

  /// The mark that was prepared is not to be.
  package mutating func abandonMark() { sideRing.abandon() }

  /// Appends the mark that was prepared.
  package mutating func appendMark(_ checkpoint: Checkpoint, _ tag: [UInt8]) {
    let place = tag.isEmpty ? nil : sideRing.commit()
    append(
      .mark,
      time: checkpoint.time,
      offset: checkpoint.identifier.number,
      length: UInt32(tag.count),
      checksum: unsafe tag.withUnsafeBytes { unsafe payloadChecksum($0) },
      ring: sideRingNumber,
      payloadStart: place?.start ?? 0,
      freedThrough: place?.end
    )
  }
}
