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
    let exports = try await openPull(of: volumes, of: vm, socketPath: socketPath) { _, _ in nil }
    return exports.mapValues(\.name)
  }

  package func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] {
    try await openPull(of: volumes, of: vm, socketPath: socketPath) {
      monitor,
      node throws(HypervisorError) in
      var changes = try DiskChanges(node: node, monitor, stream)
      return try changes.close(floor: floor)
    }
  }

  package func closePull(of vm: VMIdentifier) async throws(HypervisorError) {
    // An export that is being deleted still holds its node and its bitmap.
    let isClosed = try await wait(seconds: 5) { () async throws(HypervisorError) in
      try await self.run(with: vm) { domain throws(HypervisorError) in
        guard try domain.isActive else { return true }
        return try QEMUMonitor(domain: domain).endPull()
      }
    }
    guard isClosed else {
      throw .failed(operation: "end a sync", reason: "QEMU does not give the disks back")
    }
  }

  /// Exports each disk, with the bitmap that `changes` names for its node.
  private func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    changes:
      @escaping @Sendable (QEMUMonitor, String) throws(HypervisorError) -> (
        bitmap: String, byteCount: UInt64
      )?
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] {
    // Each pull begins on a fresh server: an old one may listen on another path.
    try await closePull(of: vm)
    return try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { throw .notRunning(vm) }
      let monitor = QEMUMonitor(domain: domain)
      do throws(HypervisorError) {
        try monitor.run(
          "nbd-server-start",
          ["addr": ["type": "unix", "data": ["path": socketPath]]]
        )
      } catch {
        throw .failed(operation: "offer the disks for a sync", reason: error.reason)
      }
      var exports: [VolumeIdentifier: ChangedExport] = [:]
      do throws(HypervisorError) {
        for volume in volumes {
          let (disk, _) = try domain.runningDisk(volume, of: vm)
          let node = try domain.rootNode(of: disk, vm, monitor)
          let closed = try changes(monitor, node)
          try monitor.addExport(disk.target, of: node, bitmap: closed?.bitmap)
          exports[volume] = ChangedExport(
            name: disk.target,
            changes: closed.map { "qemu:dirty-bitmap:\($0.bitmap)" },
            knownByteCount: closed?.byteCount ?? 0
          )
        }
      } catch {
        _ = try? monitor.endPull()
        throw error
      }
      return exports
    }
  }
}

private enum PullNames {
  static let prefix = "understudy-pull-"
}

extension QEMUMonitor {
  fileprivate func addExport(
    _ name: String,
    of node: String,
    bitmap: String?
  ) throws(HypervisorError) {
    var arguments: [String: Any] = [
      "type": "nbd", "id": PullNames.prefix + name, "node-name": node, "name": name,
      "writable": false,
    ]
    if let bitmap { arguments["bitmaps"] = [bitmap] }
    try run("block-export-add", arguments)
  }

  /// Stops QEMU's NBD server if nobody but us exports through it.
  ///
  /// - Returns: Whether all of ours is gone.
  fileprivate func endPull() throws(HypervisorError) -> Bool {
    struct Export: Decodable {
      let id: String
      let isEnding: Bool

      private enum CodingKeys: String, CodingKey {
        case id
        case isEnding = "shutting-down"
      }
    }
    let exports = try ask("query-block-exports", answer: [Export].self)
    let ours = exports.filter { $0.id.hasPrefix(PullNames.prefix) }
    for export in ours where !export.isEnding {
      try run("block-export-del", ["id": export.id, "mode": "hard"])
    }
    guard ours.isEmpty else { return false }
    // QEMU does not tell whether the server runs; stopping one that does not is refused.
    if exports.isEmpty { try? run("nbd-server-stop") }
    return true
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
