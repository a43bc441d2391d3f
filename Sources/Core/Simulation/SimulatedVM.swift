// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// A protected VM: its disks, its writes under way, and the taps of its hypervisor.
final class SimulatedVM {
  let index: Int
  let stream: StreamIdentifier
  let volumeSizes: [Int]
  /// The VPG, sending and receiving appliance it belongs to, by index.
  let group: Int
  let sender: Int
  let receiver: Int

  /// The disks as the hypervisor has them.
  var source: [[UInt8]]
  /// The disks with the writes alone that the tap took or that were acknowledged without it.
  var owed: [[UInt8]]
  var underWay: [GuestWrite] = []
  /// Every write there ever was.
  var writes: [GuestWrite] = []
  /// Writes that the other site does not have durably, in the order they were taken.
  var missing: [GuestWrite] = []
  /// The taps' connections; nil where there is none.
  var taps: [UInt64?]
  var model = StreamModel()
  /// The connections that may still carry something, oldest first.
  var connections: [SimulatedConnection] = []
  /// The highest number the sender was told is durable.
  var toldDurable: UInt64 = 0

  init(index: Int, volumeSizes: [Int], group: Int, sender: Int, receiver: Int) {
    self.index = index
    stream = StreamIdentifier("vm\(index)")
    self.volumeSizes = volumeSizes
    self.group = group
    self.sender = sender
    self.receiver = receiver
    source = volumeSizes.map { [UInt8](repeating: 0, count: $0) }
    owed = source
    taps = volumeSizes.map { _ in nil }
  }

  /// The writes that the tap has not taken.
  var untaken: [GuestWrite] { underWay.filter { $0.taken == nil } }
}
