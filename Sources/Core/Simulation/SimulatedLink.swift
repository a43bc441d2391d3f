// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// What travels on a simulated link.
enum SimulatedPacket {
  case control(ControlMessage)
  /// The contents of consecutive records, the first of which has the number.
  case data(first: SequenceNumber, [Int])
}

/// One connection.
///
/// Each end may be gone while the other has not noticed, and what was sent before still arrives:
/// that is how a half-open connection behaves.
struct SimulatedLink: ~Copyable {
  var toReceiver: [SimulatedPacket] = []
  var toSender: [SimulatedPacket] = []
  var receiving: ReceivingLink
  /// Whether the receiving end is still there.
  var isReceiving = true
  /// Handed over by the receiving machine, not durable yet.
  var pending: [Int] = []

  /// Takes the contents of the next packet off the link if it is one with records.
  mutating func takeNextContents() -> [Int] {
    guard case .data(_, let contents)? = toReceiver.first else { return [] }
    toReceiver.removeFirst()
    return contents
  }

  init(now: Int64) { receiving = ReceivingLink(now: now) }
}
