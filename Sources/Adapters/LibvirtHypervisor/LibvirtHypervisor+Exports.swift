// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

// A recovered VM reads from exports of the appliance, and must outlive a restart of it. QEMU can
// connect again, but libvirt 9.0 does not ask it to: the first read after the restart would
// stop the VM for good. So each overlay is put on an NBD node of ours that does, while the VM runs;
// libvirt does not notice, and its own node is left without a reader.

enum ExportNodes {
  /// How long reads wait for an appliance that restarts, before they fail.
  static let reconnectInSeconds = 300

  static func name(_ target: String) -> String { "understudy-export-\(target)" }
}

extension LibvirtDomain {
  /// Has the disks that are on an overlay read from nodes that connect again; repeating it is fine.
  func outliveExports(_ disks: [RecoveredVM.Disk]) throws(HypervisorError) {
    let monitor = QEMUMonitor(domain: self)
    let current = try description().disks
    for disk in disks {
      let name = ExportNodes.name(disk.target)
      guard let found = current.first(where: { $0.target == disk.target }),
        found.path == disk.overlayPath, try monitor.nodes()[name] == nil
      else { continue }
      guard let alias = found.alias, let overlay = try monitor.rootNode(ofDevice: alias),
        overlay.hasSuffix("-format")
      else { throw .failed(operation: "keep an export", reason: "unknown disk \(disk.target)") }
      try monitor.run(
        "blockdev-add",
        [
          "driver": "nbd", "node-name": name, "export": disk.exportName, "read-only": true,
          "server": ["type": "unix", "path": disk.exportSocketPath],
          "reconnect-delay": ExportNodes.reconnectInSeconds,
        ]
      )
      do throws(HypervisorError) {
        try monitor.run(
          "blockdev-reopen",
          [
            "options": [
              [
                "driver": "qcow2", "node-name": overlay, "read-only": false, "backing": name,
                "file": String(overlay.dropLast("format".count)) + "storage",
              ]
            ]
          ]
        )
      } catch {
        // The node says that the overlay is on it: without that it must not stay.
        try? monitor.run("blockdev-del", ["node-name": name])
        throw error
      }
    }
  }

  /// Deletes the nodes when nothing reads from them any more.
  func forgetExports(_ disks: [RecoveredVM.Disk]) throws(HypervisorError) {
    let monitor = QEMUMonitor(domain: self)
    for disk in disks {
      let name = ExportNodes.name(disk.target)
      guard try monitor.nodes()[name] != nil else { continue }
      try monitor.run("blockdev-del", ["node-name": name])
    }
  }
}
