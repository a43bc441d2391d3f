// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
package import Hypervisor
package import RecoveryModel

// A VM on overlays over its own disks. The definition has the disk as it was in the overlay's
// backing store, whole, so that it can be put back as it was, and QEMU opens what it says there and
// not what the image's header says.

extension LibvirtHypervisor {
  package func layOverlays(
    _ overlays: [DiskOverlay],
    on vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      guard try !domain.isActive else {
        throw .failed(operation: "lay an overlay", reason: "the VM runs")
      }
      // It would be resumed on the disks, and with the memory, it was saved with.
      guard virDomainHasManagedSaveImage(domain.pointer, 0) == 0 else {
        throw .failed(operation: "lay an overlay", reason: "the VM's memory is saved")
      }
      try domain.changeDisks { disk throws(HypervisorError) in
        guard let overlay = overlays.first(where: { $0.target == disk.target }) else { return disk }
        let file = disk["source"]?.attributes["file"]
        if file == overlay.path { return disk }
        guard file == overlay.basePath else {
          throw .failed(
            operation: "lay an overlay",
            reason: "the disk \(overlay.target) is on another file"
          )
        }
        return disk.under(overlay.path)
      }
    }
  }

  package func takeOverlays(
    _ overlays: [DiskOverlay],
    off vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await run(on: .patient, with: vm) { domain throws(HypervisorError) in
      guard try !domain.isActive else {
        throw .failed(operation: "take an overlay away", reason: "the VM runs")
      }
      try domain.nameBases(of: overlays)
    }
  }

  package func commitOverlays(
    _ overlays: [DiskOverlay],
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    for overlay in overlays {
      let job = BlockJob(
        hypervisor: self,
        vm: vm,
        target: overlay.target,
        destination: overlay.basePath
      )
      try await job.abort()
      guard try await job.top() == overlay.path else { continue }
      try await job.complete { domain throws(HypervisorError) in
        try domain.beginCommit(of: overlay.target, into: overlay.basePath)
      }
    }
    try await run(with: vm) { domain throws(HypervisorError) in
      try domain.nameBases(of: overlays)
    }
  }
}

extension LibvirtDomain {
  /// Makes the definition name the VM's own disks, where libvirt has not done so itself.
  fileprivate func nameBases(of overlays: [DiskOverlay]) throws(HypervisorError) {
    try changeDisks { disk in
      guard let overlay = overlays.first(where: { $0.target == disk.target }),
        disk["source"]?.attributes["file"] == overlay.path
      else { return disk }
      return disk.uncovered
    }
  }

  /// Replaces the definition by one with other disks, unless they are as before.
  fileprivate func changeDisks(
    _ body: (XMLTree) throws(HypervisorError) -> XMLTree
  ) throws(HypervisorError) {
    let old = try xml(ofDefinition: true)
    var new = old
    guard let devices = new.children.firstIndex(where: { $0.name == "devices" }) else { return }
    for index in new.children[devices].children.indices
    where new.children[devices].children[index].name == "disk" {
      new.children[devices].children[index] = try body(new.children[devices].children[index])
    }
    if new != old { try redefine(new) }
  }
}

extension XMLTree {
  /// A disk's name on the guest's bus.
  fileprivate var target: String? { self["target"]?.attributes["dev"] }

  /// This disk below a qcow2 file.
  func under(_ path: String) -> XMLTree {
    let kind = attributes["type"] ?? "file"
    let format = self["driver"]?.attributes["type"] ?? "raw"
    let below = children.filter { ["source", "backingStore"].contains($0.name) }
    var disk = with(["type": "file"]).without("source", "backingStore")
    disk.change("driver") { $0.with(["type": "qcow2"]) }
    disk.children += [
      XMLTree("source", ["file": path]),
      XMLTree("backingStore", ["type": kind], [XMLTree("format", ["type": format])] + below),
    ]
    return disk
  }

  /// The disk that is below this one; this one if there is none.
  var uncovered: XMLTree {
    guard let below = self["backingStore"], below["source"] != nil else { return self }
    let kept = below.children.filter { ["source", "backingStore"].contains($0.name) }
    var disk = with(["type": below.attributes["type"] ?? "file"]).without("source", "backingStore")
    disk.change("driver") { $0.with(["type": below["format"]?.attributes["type"] ?? "raw"]) }
    disk.children += kept
    return disk
  }
}
