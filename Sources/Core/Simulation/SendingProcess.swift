// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// One VM's part of the process of a sending appliance: gone with all it knows when that crashes.
final class SendingProcess {
  var outgoing: OutgoingStream
  var connection: SimulatedConnection?
  var sending: SendingLink?
  var sync: SimulatedSync?
  /// No new connection before then.
  var retryAt: Int64 = 0
  var lastQuestion: UInt64 = 0
  /// What the disks were at the place of the last hold.
  var held: StreamModel.Snapshot?
  /// Until then replication is paused, if it is.
  var pausedUntil: Int64 = 0
  /// No two processes have the same.
  let number: Int
  /// The simulated clock when the process began.
  let startedAt: Int64

  /// The volumes it protects: their sizes by number.
  let volumeSizes: [Int]
  /// The numbers of the volumes, in the order in which the stream counts them.
  let numbers: [Int]

  init(number: Int, volumeSizes: [Int], now: Int64, wall: WallTime) {
    self.number = number
    let sizes = VolumeSizes(volumeSizes.map { UInt64($0) })
    self.volumeSizes = volumeSizes
    numbers = sizes.present
    outgoing = OutgoingStream(
      volumeSizes: sizes,
      volumeByteCount: 40_000,
      sideByteCount: 24_000,
      recordCapacity: 96,
      now: wall
    )
    startedAt = now
  }

  /// The sizes of the volumes in the order in which the stream counts them.
  var presentSizes: [Int] { numbers.map { volumeSizes[$0] } }

  /// The stream's name for a volume that it has.
  func place(of number: Int) -> Int { numbers.firstIndex(of: number) ?? numbers.endIndex }

  /// Whether a volume of the VM is protected, as it is now.
  func protects(_ number: Int, of vm: SimulatedVM) -> Bool {
    number < volumeSizes.count && volumeSizes[number] > 0
      && volumeSizes[number] == vm.volumeSizes[number]
  }

  /// The part of the VM's disks that the stream has.
  func known(of content: [[UInt8]]) -> [[UInt8]] {
    content.enumerated().map { Array($1.prefix($0 < volumeSizes.count ? volumeSizes[$0] : 0)) }
  }
}

/// An appliance that taps VMs.
final class SendingAppliance {
  /// What its wall clock shows more than the simulated one, in milliseconds.
  var clockOffset: Int64 = 0
  var hasJumped = false
  /// By VM; nil while the process is down, and for the VMs of others.
  var processes: [SendingProcess?]

  init(vmCount: Int) { processes = (0..<vmCount).map { _ in nil } }
}
