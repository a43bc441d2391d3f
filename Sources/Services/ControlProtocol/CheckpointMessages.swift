// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Mark a checkpoint in all the streams, as of one instant.
package struct MarkRequest: Codable, Sendable, Equatable {
  package var checkpoint: Checkpoint
  package var streams: [StreamIdentifier]
  /// Those of them whose VM is off: taps that were closed in order are no obstacle.
  package var resting: [StreamIdentifier]

  package init(
    checkpoint: Checkpoint,
    streams: [StreamIdentifier],
    resting: [StreamIdentifier] = []
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.resting = resting
  }
}

/// Whether the mark is in every stream.
///
/// It is in all or in none.
package struct MarkReply: Codable, Sendable, Equatable {
  package var isMarked: Bool
  /// Why not, in words for an operator; empty if marked.
  package var reason: String

  package init(isMarked: Bool, reason: String) {
    self.isMarked = isMarked
    self.reason = reason
  }
}

/// Keep back what comes after this instant in all the streams, until released.
///
/// A checkpoint holds a stream once: the request again changes nothing.
package struct HoldRequest: Codable, Sendable, Equatable {
  package var checkpoint: Checkpoint
  package var streams: [StreamIdentifier]
  /// Those of them whose VM is off: taps that were closed in order are no obstacle.
  package var resting: [StreamIdentifier]
  /// When the streams let go by themselves; the appliance has a limit of its own too.
  package var limitInMilliseconds: Int

  package init(
    checkpoint: Checkpoint,
    streams: [StreamIdentifier],
    resting: [StreamIdentifier] = [],
    limitInMilliseconds: Int
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.resting = resting
    self.limitInMilliseconds = limitInMilliseconds
  }
}

/// Let go, with the checkpoint's mark in all the streams if they are all held, or without.
///
/// The request again gives the same answer.
package struct ReleaseRequest: Codable, Sendable, Equatable {
  package var checkpoint: CheckpointIdentifier
  package var streams: [StreamIdentifier]
  package var keepsMark: Bool

  package init(
    checkpoint: CheckpointIdentifier,
    streams: [StreamIdentifier],
    keepsMark: Bool
  ) {
    self.checkpoint = checkpoint
    self.streams = streams
    self.keepsMark = keepsMark
  }
}
