// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

extension VPGDefinition.ProtectedVM {
  /// The number of the next disk: those of disks that were taken away are not used again.
  private var nextVolumeNumber: Int {
    ((volumes + formerVolumes).map(\.number).max() ?? -1) + 1
  }

  /// Takes the VM's disks as they are now.
  ///
  /// A disk whose size is not known keeps the one it had.
  mutating func take(_ disks: [VirtualMachine.Disk]) {
    let known = volumes
    var next = nextVolumeNumber
    formerVolumes += known.filter { volume in
      !disks.contains { $0.identifier == volume.identifier }
    }
    volumes = disks.map { disk in
      if var volume = known.first(where: { $0.identifier == disk.identifier }) {
        volume.target = disk.target
        if disk.byteCount > 0 { volume.byteCount = disk.byteCount }
        return volume
      }
      defer { next += 1 }
      return VPGDefinition.ProtectedVolume(
        identifier: disk.identifier,
        number: next,
        target: disk.target,
        byteCount: disk.byteCount
      )
    }
  }

  /// In what the VM's disks are not what is protected, in words for an operator.
  func differences(from disks: [VirtualMachine.Disk]) -> [String] {
    let new = disks.filter { disk in !volumes.contains { $0.identifier == disk.identifier } }
    let gone = volumes.filter { volume in !disks.contains { $0.identifier == volume.identifier } }
    let resized = volumes.compactMap { volume in
      disks.first {
        $0.identifier == volume.identifier && $0.byteCount > 0 && $0.byteCount != volume.byteCount
      }.map { "its disk \(volume.target) has \($0.byteCount) bytes, not \(volume.byteCount)" }
    }
    return new.map { "its disk \($0.target) is new" }
      + gone.map { "its disk \($0.target) is not there any more" } + resized
  }
}
