// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A time during which a disk, or all disks of a VM, are left free of our tap, so that another
/// tool can take a snapshot or a backup.
package struct TapSuspension: Hashable, Codable, Sendable {
  package var vm: VMIdentifier
  /// nil is all disks of the VM.
  package var volume: VolumeIdentifier?
  package var until: WallTime
  /// The restore of the VM that needs the disks; nil if somebody asked for it.
  package var restore: String?

  package init(
    vm: VMIdentifier,
    volume: VolumeIdentifier?,
    until: WallTime,
    restore: String? = nil
  ) {
    self.vm = vm
    self.volume = volume
    self.until = until
    self.restore = restore
  }

  /// Whether the disk is to be free at that time.
  package func frees(_ volume: VolumeIdentifier, of vm: VMIdentifier, at now: WallTime) -> Bool {
    self.vm == vm && (self.volume == nil || self.volume == volume) && now < until
  }
}
