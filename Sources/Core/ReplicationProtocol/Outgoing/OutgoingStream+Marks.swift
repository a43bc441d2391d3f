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
  /// `isOff` says that the VM is known to be off: then a stream at rest is as good as one in order.
  ///
  /// - Returns: Why it cannot be marked, in words that follow the stream's name; nil if it can.
  package mutating func prepareMark(_ tag: [UInt8], isOff: Bool = false) -> String? {
    guard mode == .ordered || isOff && isAtRest else { return Self.notOrdered }
    guard hold.held == nil else { return "is held for another checkpoint" }
    return reserveMark(tag)
  }

  static var notOrdered: String { "is not in order: it needs or is in a sync" }

  /// Makes sure that there is room for a mark and its tag.
  mutating func reserveMark(_ tag: [UInt8]) -> String? {
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
    insertMark(checkpoint, tag, after: records.last)
  }

  /// Puts the mark that was prepared in; records after `sequence` were never sent, and move up.
  mutating func insertMark(
    _ checkpoint: Checkpoint,
    _ tag: [UInt8],
    after sequence: SequenceNumber
  ) {
    let place = tag.isEmpty ? nil : sideRing.commit()
    let record = StreamRecord(
      sequence: sequence.next,
      time: checkpoint.time,
      kind: .mark,
      volume: checkpoint.isQuiesced ? 1 : 0,
      offset: checkpoint.identifier.number,
      length: UInt32(tag.count),
      payloadChecksum: unsafe tag.withUnsafeBytes { unsafe payloadChecksum($0) }
    )
    let entry = RecordRing.Entry(
      record: record,
      ring: sideRingNumber,
      payloadStart: place?.start ?? 0,
      freedThrough: place?.end
    )
    records.insert(entry, after: sequence)
  }
}
