// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

// When a disk is detached from a running VM, its tap's job keeps QEMU from closing the disk:
// libvirt's `blockdev-del` is refused and not tried again. The job and the nodes are ours to end.

extension LibvirtHypervisor {
  package func endTapsOfGoneDisks(of vm: VMIdentifier) async throws(HypervisorError) {
    let isGone = try await wait(seconds: 10) { () async throws(HypervisorError) in
      try await self.run(on: .rescue, with: vm) { domain throws(HypervisorError) in
        guard try domain.isActive else { return true }
        let targets = try domain.description().disks.map(\.target)
        return try QEMUMonitor(domain: domain).endTaps(except: Set(targets.map(TapNames.tap)))
      }
    }
    guard isGone else {
      throw .failed(operation: "free a detached disk", reason: "QEMU's mirror job does not end")
    }
  }
}

extension QEMUMonitor {
  /// Removes taps, and nodes that only our maps of changes are left on.
  ///
  /// - Returns: Whether all of it is gone now.
  fileprivate func endTaps(except kept: Set<String>) throws(HypervisorError) -> Bool {
    let names = try Set(nodes().keys).union(jobs().map(\.device))
      .filter { $0.hasPrefix(TapNames.prefix) && !kept.contains($0) }
    guard !names.isEmpty else { return true }
    var isGone = true
    for name in names.sorted() {
      if try beginTapRemoval(name), try !endTapRemoval(name) { isGone = false }
    }
    if isGone { try closeUnusedNodes() }
    return isGone
  }

  /// Closes the nodes of disks that no device has any more; one that is used for something else
  /// refuses.
  private func closeUnusedNodes() throws(HypervisorError) {
    let used = try rootNodes()
    for (node, bitmaps) in try bitmaps()
    where !used.contains(node) && bitmaps.contains(where: \.isOurs) {
      for bitmap in bitmaps where bitmap.isOurs { try? removeBitmap(bitmap.name, from: node) }
      try? run("blockdev-del", ["node-name": node])
      // libvirt's name of the file below its format.
      guard node.hasSuffix("-format") else { continue }
      try? run("blockdev-del", ["node-name": node.dropLast("format".count) + "storage"])
    }
  }
}
