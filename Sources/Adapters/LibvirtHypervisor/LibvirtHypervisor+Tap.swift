// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Hypervisor
package import RecoveryModel

/// What the tap of a disk is called in QEMU: the mirror job and its NBD node have one name.
enum TapNames {
  static let prefix = "understudy-tap-"

  static func tap(_ target: String) -> String { prefix + target }
}

extension LibvirtHypervisor {
  package func taps(
    of vm: VMIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: TapState] {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return [:] }
      let disks = try domain.description().disks
      let jobs = try QEMUMonitor(domain: domain).jobs()
      var taps: [VolumeIdentifier: TapState] = [:]
      for disk in disks {
        guard let job = jobs.first(where: { $0.device == TapNames.tap(disk.target) }) else {
          continue
        }
        taps[disk.volume] = job.isReady ? .ready : .broken
      }
      return taps
    }
  }

  package func attachTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) async throws(HypervisorError) {
    let isThere = try await run(with: vm) { domain throws(HypervisorError) in
      let (disk, monitor) = try domain.runningDisk(volume, of: vm)
      let name = TapNames.tap(disk.target)
      let job = try monitor.jobs().first { $0.device == name }
      let node = try monitor.nodes()[name]
      return job?.isReady == true && node.map(Self.socketPath) == socketPath
    }
    if isThere { return }
    try await detachTap(from: volume, of: vm)
    try await run(with: vm) { domain throws(HypervisorError) in
      try domain.addTap(
        to: volume,
        of: vm,
        socketPath: socketPath,
        exportName: exportName,
        streams: streams
      )
    }
    let isReady = try await wait(seconds: 5) { () async throws(HypervisorError) in
      try await self.taps(of: vm)[volume] == .ready
    }
    guard isReady else {
      try await detachTap(from: volume, of: vm)
      throw .failed(operation: "attach the tap", reason: "the appliance did not take the writes")
    }
  }

  package func detachTap(
    from volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    let isTapped = try await run(on: .rescue, with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return false }
      let (disk, monitor) = try domain.runningDisk(volume, of: vm)
      return try monitor.beginTapRemoval(TapNames.tap(disk.target))
    }
    guard isTapped else { return }
    let isGone = try await wait(seconds: 10) { () async throws(HypervisorError) in
      try await self.run(with: vm) { domain throws(HypervisorError) in
        guard try domain.isActive else { return true }
        let (disk, monitor) = try domain.runningDisk(volume, of: vm)
        return try monitor.endTapRemoval(TapNames.tap(disk.target))
      }
    }
    guard isGone else {
      throw .failed(operation: "detach the tap", reason: "QEMU's mirror job does not end")
    }
  }

  package func cutTap(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await run(on: .rescue, with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return }
      let (disk, monitor) = try domain.runningDisk(volume, of: vm)
      try monitor.cut(TapNames.tap(disk.target))
    }
  }

  /// The socket in QEMU's name of an NBD node: `nbd+unix:///export?socket=/path`.
  private static func socketPath(_ file: String) -> String? {
    URLComponents(string: file)?.queryItems?.first { $0.name == "socket" }?.value
  }
}

extension LibvirtDomain {
  /// A disk of a running VM, and the monitor of its QEMU.
  func runningDisk(
    _ volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) throws(HypervisorError) -> (disk: DomainDescription.Disk, monitor: QEMUMonitor) {
    guard try isActive else { throw .notRunning(vm) }
    guard let disk = try description().disks.first(where: { $0.volume == volume }) else {
      throw .noSuchVolume(volume, vm)
    }
    return (disk, QEMUMonitor(domain: self))
  }

  /// The node that holds a disk's content.
  func rootNode(
    of disk: DomainDescription.Disk,
    _ vm: VMIdentifier,
    _ monitor: QEMUMonitor
  ) throws(HypervisorError) -> String {
    guard let alias = disk.alias, let node = try monitor.rootNode(ofDevice: alias) else {
      throw .noSuchVolume(disk.volume, vm)
    }
    return node
  }

  fileprivate func addTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) throws(HypervisorError) {
    let (disk, monitor) = try runningDisk(volume, of: vm)
    let name = TapNames.tap(disk.target)
    let root = try rootNode(of: disk, vm, monitor)
    try monitor.prepareForTap(of: streams, on: root)
    // QEMU's main loop waits while it connects, and the guest with it: a socket whose owner
    // hangs may cost one second, not more. A connection that is lost is not waited for at all.
    try monitor.run(
      "blockdev-add",
      [
        "driver": "nbd", "node-name": name, "export": exportName,
        "server": ["type": "unix", "path": socketPath], "reconnect-delay": 0, "open-timeout": 1,
      ]
    )
    do throws(HypervisorError) {
      try monitor.run(
        "blockdev-mirror",
        [
          "job-id": name, "device": root, "target": name, "sync": "none",
          "copy-mode": "write-blocking", "granularity": 4096, "on-target-error": "stop",
        ]
      )
    } catch {
      try? monitor.run("blockdev-del", ["node-name": name])
      throw Self.busy(error, volume, vm)
    }
  }

  private static func busy(
    _ error: HypervisorError,
    _ volume: VolumeIdentifier,
    _ vm: VMIdentifier
  ) -> HypervisorError {
    guard case .failed(_, let reason) = error,
      ["is busy", "in use", "Need a root block node"].contains(where: reason.contains)
    else { return error }
    return .diskBusy(volume, vm, reason)
  }
}

extension QEMUMonitor {
  /// Cuts the connection of a tap's node, which frees every write that waits for it.
  ///
  /// Must come before any job command: those hang with the connection, and the monitor with them.
  func cut(_ name: String) throws(HypervisorError) {
    guard try nodes()[name] != nil else { return }
    try run("yank", ["instances": [["type": "block-node", "node-name": name]]])
  }

  /// Cuts a tap and asks its job to end.
  ///
  /// - Returns: Whether there is anything to remove.
  func beginTapRemoval(_ name: String) throws(HypervisorError) -> Bool {
    try cut(name)
    let hasJob = try jobs().contains { $0.device == name }
    if hasJob { try run("block-job-cancel", ["device": name, "force": true]) }
    let hasNode = try nodes()[name] != nil
    return hasJob || hasNode
  }

  /// Deletes the node of a tap whose job is gone.
  ///
  /// - Returns: Whether job and node are gone now.
  func endTapRemoval(_ name: String) throws(HypervisorError) -> Bool {
    if try jobs().contains(where: { $0.device == name }) { return false }
    if try nodes()[name] != nil { try run("blockdev-del", ["node-name": name]) }
    return true
  }
}
