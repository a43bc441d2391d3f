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
  /// Volumes that are left to other tools for now: the VM's taps are suspended for all its VPGs.
  var suspended: Set<VolumeIdentifier>
  /// The VM's disks of temporary data that the recovery site has for good.
  var settled: Set<SettledDisk>
  /// The VM's streams that its taps feed; this one is among them unless it is to end.
  var streams: [StreamIdentifier] = []
  /// Volumes whose taps the VM's other streams need.
  var shared: Set<VolumeIdentifier> = []

  /// The VM with those of its disks only whose writes are sent.
  var tapped: VPGDefinition.ProtectedVM {
    let resting = Set(vm.resting(in: settled).map(\.number))
    var tapped = vm
    tapped.volumes.removeAll { resting.contains($0.number) }
    return tapped
  }

  /// Notes what is so because of the VM's streams of all VPGs, this one among them.
  mutating func share(with all: [Assignment]) {
    let kept = all.filter { $0.wish != .release }
    let others = kept.filter { $0.vm.stream != vm.stream }
    streams = kept.map(\.vm.stream).sorted()
    shared = Set(others.flatMap { $0.tapped.volumes.map(\.identifier) })
    for other in others { suspended.formUnion(other.suspended) }
  }
}
