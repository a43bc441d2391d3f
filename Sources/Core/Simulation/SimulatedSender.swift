// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// The sending appliance: numbers the guest's writes and keeps those that are not acknowledged.
struct SimulatedSender: ~Copyable {
  /// The contents of the records after `base`, in order.
  private(set) var buffer: [Int] = []
  private(set) var base = SequenceNumber(0)
  /// A new process does not know which numbers its predecessor used.
  private(set) var isNumbered = false
  var link: Int?
  var sending: SendingLink?

  var last: SequenceNumber { SequenceNumber(base.rawValue + UInt64(buffer.count)) }

  mutating func write(_ content: Int) { buffer.append(content) }

  mutating func acknowledged(through sequence: SequenceNumber) {
    guard sequence > base else { return }
    buffer.removeFirst(Int(sequence.rawValue - base.rawValue))
    base = sequence
  }

  /// - Returns: Whether the buffered records keep their numbers.
  mutating func resume(_ welcome: StreamWelcome) -> Bool {
    if isNumbered, (base...last).contains(welcome.durable) {
      acknowledged(through: welcome.durable)
      return true
    }
    isNumbered = true
    base = welcome.durable
    return false
  }

  /// The contents that follow `sequence`, at most `limit`.
  func contents(after sequence: SequenceNumber, limit: Int) -> [Int] {
    Array(buffer.dropFirst(Int(sequence.rawValue - base.rawValue)).prefix(limit))
  }
}
