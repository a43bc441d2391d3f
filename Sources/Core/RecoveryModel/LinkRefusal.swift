// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Links with one peer that an appliance refused or cut for one cause.
package struct LinkRefusal: Codable, Hashable, Sendable {
  /// What the peer did.
  package enum Cause: String, Codable, Sendable, CaseIterable {
    /// It has no certificate of a site that is trusted for this, or finds ours to be none.
    case certificate
    case version
    /// It named a stream that is not received here, or not from there.
    case unknownStream
    /// It sent what the protocol does not allow: a frame too long, damaged or out of place.
    case protocolViolation
    /// It does not read, or acknowledges nothing.
    case stalled
    /// Two sent one stream; the older link was ended.
    case fenced
  }

  package var cause: Cause
  /// The peer as far as it is known: its certificate's name, else its address.
  package var peer: String
  /// The reason of the last one, for an operator.
  package var reason: String
  /// How many there were since the appliance's process began.
  package var count: UInt64
  package var last: WallTime

  package init(cause: Cause, peer: String, reason: String, count: UInt64, last: WallTime) {
    self.cause = cause
    self.peer = peer
    self.reason = reason
    self.count = count
    self.last = last
  }
}
