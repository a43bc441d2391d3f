// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

extension LibvirtHypervisor {
  package func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String
  ) async throws(HypervisorError) -> [VolumeIdentifier: String] {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { throw .notRunning(vm) }
      let monitor = QEMUMonitor(domain: domain)
      // Each pull begins on a fresh server: an old one may listen on another path.
      try monitor.endPull()
      do throws(HypervisorError) {
        try monitor.run(
          "nbd-server-start",
          ["addr": ["type": "unix", "data": ["path": socketPath]]]
        )
      } catch {
        throw .failed(operation: "offer the disks for a sync", reason: error.reason)
      }
      var names: [VolumeIdentifier: String] = [:]
      do throws(HypervisorError) {
        for volume in volumes {
          let (disk, _) = try domain.runningDisk(volume, of: vm)
          let node = try domain.rootNode(of: disk, vm, monitor)
          try monitor.run(
            "block-export-add",
            [
              "type": "nbd", "id": PullNames.prefix + disk.target, "node-name": node,
              "name": disk.target, "writable": false,
            ]
          )
          names[volume] = disk.target
        }
      } catch {
        try? monitor.endPull()
        throw error
      }
      return names
    }
  }

  package func closePull(of vm: VMIdentifier) async throws(HypervisorError) {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return }
      try QEMUMonitor(domain: domain).endPull()
    }
  }
}

private enum PullNames {
  static let prefix = "understudy-pull-"
}

extension QEMUMonitor {
  /// Stops QEMU's NBD server if nobody but us exports through it.
  fileprivate func endPull() throws(HypervisorError) {
    struct Export: Decodable { let id: String }
    let exports = try ask("query-block-exports", answer: [Export].self)
    let ours = exports.filter { $0.id.hasPrefix(PullNames.prefix) }
    for export in ours { try run("block-export-del", ["id": export.id, "mode": "hard"]) }
    guard ours.count == exports.count else { return }
    // QEMU does not tell whether the server runs; stopping one that does not is refused.
    try? run("nbd-server-stop")
  }
}

extension HypervisorError {
  /// The hypervisor's own words.
  fileprivate var reason: String {
    switch self {
    case .failed(_, let reason), .unreachable(let reason): reason
    default: "\(self)"
    }
  }
}
