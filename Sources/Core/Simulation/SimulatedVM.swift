// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// A protected VM: its disks, its writes under way, and the taps of its hypervisor.
final class SimulatedVM {
  let index: Int
  let stream: StreamIdentifier
  /// Numbers for volumes that a VM ever has.
  static let volumeLimit = 5
  /// The size of each volume by its number; 0 before and after it is there.
  var volumeSizes: [Int]
  /// The numbers that were given to volumes.
  var volumeCount: Int
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
  /// The maps of changes by volume, which live as long as the VM's process.
  var maps: [SimulatedMaps]
  var manager = SimulatedManager()
  /// The highest number the sender was told is durable.
  var toldDurable: UInt64 = 0

  init(index: Int, volumeSizes: [Int], group: Int, sender: Int, receiver: Int) {
    self.index = index
    stream = StreamIdentifier("vm\(index)")
    let unused = [Int](repeating: 0, count: Self.volumeLimit - volumeSizes.count)
    self.volumeSizes = volumeSizes + unused
    volumeCount = volumeSizes.count
    self.group = group
    self.sender = sender
    self.receiver = receiver
    source = self.volumeSizes.map { [UInt8](repeating: 0, count: $0) }
    owed = source
    taps = source.map { _ in nil }
    maps = source.map { [stream] _ in SimulatedMaps(stream: stream) }
  }

  /// The numbers of the volumes that are there.
  var present: [Int] { volumeSizes.indices.filter { volumeSizes[$0] > 0 } }

  /// The writes that the tap has not taken.
  var untaken: [GuestWrite] { underWay.filter { $0.taken == nil } }
}
