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
  /// The simulated clock when the process began.
  let startedAt: Int64

  init(volumeCount: Int, now: Int64, wall: WallTime) {
    outgoing = OutgoingStream(
      volumeCount: volumeCount,
      volumeByteCount: 40_000,
      sideByteCount: 24_000,
      recordCapacity: 96,
      now: wall
    )
    startedAt = now
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
