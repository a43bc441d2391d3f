// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// One stream's part in a checkpoint over several appliances: a place, and acknowledgements kept
/// back.
///
/// From ``begin(_:after:now:limit:)`` on, every write with a number after the place waits with its
/// acknowledgement until the hold ends, and nothing after the place is sent. If the hold is still
/// on when the round says that every stream of the VPG has its place, the mark goes in at the
/// place. In all other cases, be it that the hold reached its limit or that the stream lost its
/// order, there is no mark.
///
/// Why no write that depends on another falls on the wrong side: let A be after its stream's mark,
/// and B issued because A was acknowledged. A's acknowledgement left after A's hold ended; that
/// mark exists, so the hold ended when all places were taken; B came later than that, so B is
/// after its own stream's place. Nothing here compares clocks: a late, repeated or lost message
/// can cost a checkpoint, never its truth.
///
/// Times are microseconds of any steady clock.
package struct AcknowledgementHold: Hashable, Sendable {
  /// Longer than this no guest waits, whatever is asked.
  package static let longestMicroseconds: Int64 = 100_000

  /// A hold that is on.
  package struct Held: Hashable, Sendable {
    package var checkpoint: Checkpoint
    /// The last record before the mark.
    package var place: SequenceNumber
    package var began: Int64
    /// When the hold ends by itself.
    package var deadline: Int64
  }

  /// What a hold is to a checkpoint.
  package enum Standing: Hashable, Sendable {
    /// It is on: the mark may go in after this record.
    case held(after: SequenceNumber)
    /// The mark is in the stream; asking again changes nothing.
    case made
    /// There is no hold for it any more, or there never was.
    case gone
  }

  /// How long guests waited.
  package struct Lengths: Hashable, Sendable {
    package var count: UInt64 = 0
    /// How many ended without a mark.
    package var voidCount: UInt64 = 0
    package var last: Int64 = 0
    package var worst: Int64 = 0
  }

  package private(set) var held: Held?
  package private(set) var lengths = Lengths()
  private var ended: CheckpointIdentifier?
  private var isEndedMade = false

  package init() {}

  /// Holds from here on.
  ///
  /// The same request again changes nothing.
  ///
  /// - Parameters:
  ///   - checkpoint: What is to be marked.
  ///   - place: The stream's last record.
  ///   - now: Microseconds of a steady clock.
  ///   - limit: Microseconds after which the hold ends by itself, at most
  ///     ``longestMicroseconds``.
  /// - Returns: False if another hold is on, or this one has ended already.
  package mutating func begin(
    _ checkpoint: Checkpoint,
    after place: SequenceNumber,
    now: Int64,
    limit: Int64
  ) -> Bool {
    expire(now: now)
    if let held { return held.checkpoint.identifier == checkpoint.identifier }
    guard ended != checkpoint.identifier else { return false }
    let length = min(max(limit, 0), Self.longestMicroseconds)
    held = Held(checkpoint: checkpoint, place: place, began: now, deadline: now + length)
    return true
  }

  /// When a write of this number may be acknowledged at the latest; nil: at once.
  package func deadline(for sequence: SequenceNumber) -> Int64? {
    guard let held, sequence > held.place else { return nil }
    return held.deadline
  }

  /// The last record that may be sent, of a stream that ends with `last`.
  package func lastSendable(of last: SequenceNumber) -> SequenceNumber {
    held.map { min($0.place, last) } ?? last
  }

  /// How a checkpoint stands; a hold that reached its limit is gone.
  package func standing(of checkpoint: CheckpointIdentifier, now: Int64) -> Standing {
    if let held, held.checkpoint.identifier == checkpoint {
      return now < held.deadline ? .held(after: held.place) : .gone
    }
    return ended == checkpoint && isEndedMade ? .made : .gone
  }

  /// Lets go of a checkpoint's hold.
  ///
  /// Told so before it was asked to hold, it will not hold.
  ///
  /// - Parameters:
  ///   - checkpoint: Whose hold; that of another one stays.
  ///   - isMade: Whether the mark went in, which needs a standing of held.
  ///   - now: Microseconds of a steady clock.
  package mutating func end(_ checkpoint: CheckpointIdentifier, isMade: Bool, now: Int64) {
    if let held {
      guard held.checkpoint.identifier == checkpoint else { return }
      finish(held, isMade: isMade, at: now)
    } else if ended != checkpoint {
      ended = checkpoint
      isEndedMade = false
    }
  }

  /// Lets go because the stream lost its order.
  ///
  /// Who waited says how long it was.
  package mutating func breakOff() {
    if let held { finish(held, isMade: false, at: held.began) }
  }

  /// Lets go if the limit is reached.
  package mutating func expire(now: Int64) {
    if let held, now >= held.deadline { finish(held, isMade: false, at: now) }
  }

  /// A write's acknowledgement was kept back for so long.
  package mutating func waited(microseconds: Int64) {
    lengths.worst = max(lengths.worst, microseconds)
  }

  /// A hold nobody looked at ended at its deadline; a guest that waited longer says so itself.
  private mutating func finish(_ held: Held, isMade: Bool, at now: Int64) {
    let length = max(min(now, held.deadline) - held.began, 0)
    lengths.count += 1
    lengths.voidCount += isMade ? 0 : 1
    lengths.last = length
    lengths.worst = max(lengths.worst, length)
    ended = held.checkpoint.identifier
    isEndedMade = isMade
    self.held = nil
  }
}
