// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The receiving side of one link, from the sender's hello to the end.
///
/// What must hold: records are handed over consecutive, from the one after the welcome's, each
/// once; a repeated record is dropped, a missing one ends the link; only what was handed over is
/// acknowledged, and only by the newest link of a stream; a sender that goes on without
/// acknowledgements is cut before it fills the memory.
package struct ReceivingLink: ~Copyable {
  /// What the caller is to do.
  package enum Action: Hashable, Sendable {
    case nothing
    case send(ControlMessage)
    /// End the stream's older link, ask the sink, then call ``welcome(_:)``.
    case open(StreamIdentifier)
    case hash(HashQuery)
  }

  private enum Phase: Hashable {
    case awaitingHello
    case opening
    case streaming(isAccepting: Bool)
    case fenced
  }

  private var phase = Phase.awaitingHello
  private var received = SequenceNumber(0)
  private var acknowledged = SequenceNumber(0)
  private var flights = FlightLog()
  private var keepalive: Keepalive
  private let start: Int64

  package init(now: Int64) {
    keepalive = Keepalive(now: now)
    start = now
  }

  package mutating func heard(at now: Int64) { keepalive.heard(at: now) }

  package mutating func received(_ message: ControlMessage) throws(ReplicationError) -> Action {
    switch (message, phase) {
    case (.refuse(let code, let text), _):
      throw .refused(code, text)
    case (.pong, _), (_, .fenced):
      return .nothing
    case (.ping(let number), _):
      return .send(.pong(number))
    case (.hello(_, let stream), .awaitingHello):
      phase = .opening
      return .open(stream)
    case (.hashQuery(let query), .streaming):
      return .hash(query)
    case (.hello, _), (.welcome, _), (.acknowledge, _), (.hashQuery, _), (.hashReply, _):
      throw .unexpected(message.kind)
    }
  }

  /// The sink's answer to ``Action/open(_:)``.
  package mutating func welcome(_ welcome: StreamWelcome) -> Action {
    guard phase == .opening else { return .nothing }
    received = welcome.durable
    acknowledged = welcome.durable
    phase = .streaming(isAccepting: welcome.isAccepting)
    return .send(.welcome(welcome))
  }

  /// Records `first...last` came, consecutive; `weight` is their batch's.
  ///
  /// - Returns: How many of them, from the first, are known already and are to be dropped; nil
  ///   if nothing is to be handed over.
  package mutating func received(
    first: SequenceNumber,
    last: SequenceNumber,
    weight: Int
  ) throws(ReplicationError) -> Int? {
    switch phase {
    case .fenced: return nil
    case .streaming(isAccepting: true): break
    case .awaitingHello, .opening, .streaming(isAccepting: false): throw .unexpected(.data)
    }
    guard first <= received.next else { throw .gap(expected: received.next, received: first) }
    guard last > received else { return nil }
    guard flights.byteCount < SendingLink.longestWindow else { throw .windowExceeded }
    flights.depart(last: last, byteCount: weight)
    let known = received.next.rawValue - first.rawValue
    received = last
    return Int(known)
  }

  /// The sink made records up to `sequence` durable.
  package mutating func durable(through sequence: SequenceNumber) -> Action {
    guard case .streaming = phase else { return .nothing }
    precondition(sequence <= received, "acknowledging a record that never arrived")
    guard sequence > acknowledged else { return .nothing }
    acknowledged = sequence
    flights.land(through: sequence)
    return .send(.acknowledge(sequence))
  }

  /// A newer link of the stream is there: this one takes and acknowledges nothing any more.
  package mutating func fence() { phase = .fenced }

  /// Called several times a second.
  package mutating func tick(now: Int64) throws(ReplicationError) -> Action {
    if phase == .awaitingHello, now - start >= Keepalive.silenceMilliseconds { throw .silence }
    switch keepalive.tick(now: now) {
    case .fine: return .nothing
    case .ping: return .send(.ping(UInt64(bitPattern: now)))
    case .dead: throw .silence
    }
  }
}
