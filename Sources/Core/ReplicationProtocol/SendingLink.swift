// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The sending side of one link, from its hello to its end.
///
/// What must hold: records go out consecutive, from the one after the welcome's; no more than the
/// window is unacknowledged; an acknowledgement names a record that was sent. A new link gets a
/// new machine: nothing is remembered but what the receiver says is durable.
package struct SendingLink: ~Copyable {
  /// What the caller is to do.
  package enum Action: Hashable, Sendable {
    case nothing
    case send(ControlMessage)
    /// Ask the source where to go on, then call ``resume(after:)``.
    case opened(StreamWelcome)
    case acknowledged(SequenceNumber)
    /// nil: the receiver could not read its blocks.
    case hashes(identifier: UInt64, [BlockHash]?)
  }

  private enum Phase: Hashable {
    case awaitingWelcome
    case welcomed(StreamWelcome)
    case streaming
  }

  /// The most unacknowledged bytes, as ``RecordBatch/weight`` counts them; one batch may exceed it.
  package static let longestWindow = 32 << 20

  /// A peer that acknowledges nothing for this long, though there is something, is cut.
  package static let stallMilliseconds: Int64 = 60_000

  private let windowByteCount: Int
  private var phase = Phase.awaitingWelcome
  private var sent = SequenceNumber(0)
  private var acknowledged = SequenceNumber(0)
  private var flights = FlightLog()
  private var keepalive: Keepalive
  /// The latest time that is known, and when the last acknowledgement came or was first due.
  private var clock: Int64
  private var progress: Int64

  package init(windowByteCount: Int = longestWindow, now: Int64) {
    precondition(windowByteCount <= Self.longestWindow, "the receiver would end the link")
    self.windowByteCount = windowByteCount
    keepalive = Keepalive(now: now)
    clock = now
    progress = now
  }

  /// The last record sent.
  package var position: SequenceNumber { sent }

  /// Whether another batch may be sent now.
  package var canSend: Bool { phase == .streaming && flights.byteCount < windowByteCount }

  /// Whether everything sent is acknowledged.
  package var isDrained: Bool { acknowledged == sent }

  package mutating func heard(at now: Int64) {
    keepalive.heard(at: now)
    clock = max(clock, now)
  }

  package mutating func received(_ message: ControlMessage) throws(ReplicationError) -> Action {
    switch (message, phase) {
    case (.welcome(let welcome), .awaitingWelcome):
      phase = .welcomed(welcome)
      return .opened(welcome)
    case (.refuse(let code, let text), _):
      throw .refused(code, text)
    case (.acknowledge(let sequence), .streaming):
      guard sequence <= sent else { throw .acknowledgedUnsent(sequence) }
      guard sequence > acknowledged else { return .nothing }
      acknowledged = sequence
      flights.land(through: sequence)
      progress = clock
      return .acknowledged(sequence)
    case (.hashReply(let identifier, let hashes), .streaming):
      return .hashes(identifier: identifier, hashes)
    case (.ping(let number), _):
      return .send(.pong(number))
    case (.pong, _):
      return .nothing
    case (.hello, _), (.welcome, _), (.acknowledge, _), (.hashQuery, _), (.hashReply, _):
      throw .unexpected(message.kind)
    }
  }

  /// The source goes on after `sequence`, the welcome's durable record.
  package mutating func resume(after sequence: SequenceNumber) {
    guard case .welcomed(let welcome) = phase else { preconditionFailure("no welcome to answer") }
    precondition(sequence == welcome.durable, "the receiver would find a gap")
    sent = sequence
    acknowledged = sequence
    phase = .streaming
  }

  /// A batch goes out.
  package mutating func sending(first: SequenceNumber, last: SequenceNumber, byteCount: Int) {
    precondition(phase == .streaming && first == sent.next && last >= first, "not the next batch")
    if isDrained { progress = clock }
    sent = last
    flights.depart(last: last, byteCount: byteCount)
  }

  /// Called several times a second.
  package mutating func tick(now: Int64) throws(ReplicationError) -> Action {
    clock = max(clock, now)
    if !isDrained, clock - progress >= Self.stallMilliseconds { throw .stalled }
    switch keepalive.tick(now: now) {
    case .fine: return .nothing
    case .ping: return .send(.ping(UInt64(bitPattern: now)))
    case .dead: throw .silence
    }
  }
}
