// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// A checkpoint over several appliances: the streams of one appliance are all locked when they are
// asked to hold, and again when they are released. See ``AcknowledgementHold``.
extension OutgoingStream {
  /// The last record that may be sent.
  package var lastSendable: SequenceNumber { hold.lastSendable(of: records.last) }

  /// Takes a place for a checkpoint's mark and keeps acknowledgements back from here on.
  ///
  /// `now` and `limit` are microseconds, of a steady clock; `isOff` says that the VM is known to be
  /// off.
  ///
  /// - Returns: Why not, in words that follow the stream's name; nil if it holds.
  package mutating func beginHold(
    _ checkpoint: Checkpoint,
    now: Int64,
    limit: Int64,
    isOff: Bool = false
  ) -> String? {
    guard mode == .ordered || isOff && isAtRest else { return Self.notOrdered }
    guard hold.begin(checkpoint, after: records.last, now: now, limit: limit) else {
      return "is held for another checkpoint, or no more for this one"
    }
    return nil
  }

  /// Makes sure that the mark a hold is for can go in.
  ///
  /// - Returns: Why not, in words that follow the stream's name; nil if it can.
  package mutating func prepareHeldMark(
    _ checkpoint: CheckpointIdentifier,
    now: Int64
  ) -> String? {
    guard case .held = hold.standing(of: checkpoint, now: now), let held = hold.held else {
      return "is not held for this checkpoint any more"
    }
    return reserveMark(Array(held.checkpoint.tag.utf8))
  }

  /// Puts the mark that was prepared in at its place, and lets go.
  package mutating func endHoldWithMark(now: Int64) {
    guard let held = hold.held else { preconditionFailure("nothing is held") }
    insertMark(held.checkpoint, Array(held.checkpoint.tag.utf8), after: held.place)
    hold.end(held.checkpoint.identifier, isMade: true, now: now)
  }

  /// Lets go without a mark.
  package mutating func endHold(_ checkpoint: CheckpointIdentifier, now: Int64) {
    hold.end(checkpoint, isMade: false, now: now)
  }

  /// Lets go if the hold's limit is reached.
  package mutating func expireHold(now: Int64) { hold.expire(now: now) }

  /// A write's acknowledgement was kept back for so long.
  package mutating func waitedForHold(microseconds: Int64) {
    hold.waited(microseconds: microseconds)
  }
}
