// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Tells when to ping a peer and when to give it up.
///
/// Times are milliseconds of any steady clock.
package struct Keepalive: Hashable, Sendable {
  /// What a tick calls for.
  package enum Verdict: Hashable, Sendable {
    case fine
    case ping
    case dead
  }

  /// A ping goes out when nothing was sent for this long, so a live peer is never silent.
  package static let pingMilliseconds: Int64 = 1000
  /// A peer that was silent for this long is gone.
  package static let silenceMilliseconds: Int64 = 5000

  private var lastHeard: Int64
  private var lastPing: Int64

  package init(now: Int64) {
    lastHeard = now
    lastPing = now
  }

  /// Bytes came in, whatever they are.
  package mutating func heard(at now: Int64) { lastHeard = max(lastHeard, now) }

  /// Called several times a second.
  package mutating func tick(now: Int64) -> Verdict {
    if now - lastHeard >= Self.silenceMilliseconds { return .dead }
    guard now - lastPing >= Self.pingMilliseconds else { return .fine }
    lastPing = now
    return .ping
  }
}
