// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel

/// What a stream's keeper is to bring about, now.
struct Assignment: Sendable {
  var definition: VPGDefinition
  var vm: VPGDefinition.ProtectedVM
  var wish: TapReconciler.Wish
  /// Where the recovery site takes the stream; nil until it has said so.
  var target: PrepareReply.StreamTarget?
  /// Volumes that are left to other tools for now.
  var suspended: Set<VolumeIdentifier>
  /// The VM's disks of temporary data that the recovery site has for good.
  var settled: Set<SettledDisk>

  /// The VM with those of its disks only whose writes are sent.
  var tapped: VPGDefinition.ProtectedVM {
    let resting = Set(vm.resting(in: settled).map(\.number))
    var tapped = vm
    tapped.volumes.removeAll { resting.contains($0.number) }
    return tapped
  }
}
