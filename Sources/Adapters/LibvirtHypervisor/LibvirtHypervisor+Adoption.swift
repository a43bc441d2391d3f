// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

// How a running VM is moved from `overlay on export` onto its replica, which by now holds what
// the export shows, at a cost that follows the overlay's content and not the disk's size:
//
//   1. a second overlay is there beside the first, on the replica: the appliance made it;
//   2. a shallow block copy takes the first overlay's content into it, and the VM pivots to it;
//   3. a block commit takes it down into the replica, and the VM pivots to that.
//
// The running VM's chain says how far it got, so a crash between any two steps is only a reason
// to look again.

extension LibvirtHypervisor {
  package func adoptReplicas(
    of vm: VMIdentifier,
    disks: [RecoveredVM.Disk]
  ) async throws(HypervisorError) {
    for disk in disks { try await adoptReplica(of: vm, disk) }
    try await run(with: vm) { domain throws(HypervisorError) in
      try domain.forgetExports(disks)
      try domain.nameReplicas(disks)
    }
  }

  private func adoptReplica(
    of vm: VMIdentifier,
    _ disk: RecoveredVM.Disk
  ) async throws(HypervisorError) {
    let copied = BlockJob(
      hypervisor: self,
      vm: vm,
      target: disk.target,
      destination: disk.adoptionPath
    )
    let committed = BlockJob(
      hypervisor: self,
      vm: vm,
      target: disk.target,
      destination: disk.replicaPath
    )
    try await copied.abort()
    var top = try await copied.top()
    if top != disk.adoptionPath, top != disk.replicaPath {
      try await copied.complete { domain throws(HypervisorError) in
        try domain.beginCopy(of: disk.target, to: disk.secondOverlay)
      }
      top = try await copied.top()
    }
    if top == disk.adoptionPath {
      try await committed.complete { domain throws(HypervisorError) in
        try domain.beginCommit(of: disk.target, into: disk.replicaPath)
      }
    }
  }
}

extension RecoveredVM.Disk {
  /// The destination of the block copy, with its chain written out so that QEMU opens the
  /// replica and not what the image's header says.
  var secondOverlay: XMLTree {
    XMLTree(
      "disk",
      ["type": "file"],
      [
        XMLTree("driver", ["name": "qemu", "type": "qcow2"]),
        XMLTree("source", ["file": adoptionPath]),
        XMLTree(
          "backingStore",
          ["type": "file"],
          [
            XMLTree("format", ["type": "raw"]), XMLTree("source", ["file": replicaPath]),
            XMLTree("backingStore"),
          ]
        ),
      ]
    )
  }
}

extension LibvirtDomain {
  /// Makes the definition name the replicas, where libvirt has not done so itself.
  fileprivate func nameReplicas(_ disks: [RecoveredVM.Disk]) throws(HypervisorError) {
    var definition = try xml(ofDefinition: true)
    guard let devices = definition.children.firstIndex(where: { $0.name == "devices" }) else {
      return
    }
    var isChanged = false
    for index in definition.children[devices].children.indices {
      let old = definition.children[devices].children[index]
      guard old.name == "disk", let target = old["target"]?.attributes["dev"],
        let disk = disks.first(where: { $0.target == target })
      else { continue }
      let new = old.withRawSource(disk.replicaPath)
      isChanged = isChanged || new != old
      definition.children[devices].children[index] = new
    }
    if isChanged { try redefine(definition) }
  }
}

extension XMLTree {
  /// This disk, on a raw file without anything below it.
  fileprivate func withRawSource(_ path: String) -> XMLTree {
    guard self["source"]?.attributes["file"] != path || self["backingStore"]?["source"] != nil
    else { return self }
    var disk = self
    disk.attributes["type"] = "file"
    disk.children.removeAll { $0.name == "backingStore" }
    for index in disk.children.indices {
      if disk.children[index].name == "source" {
        disk.children[index] = XMLTree("source", ["file": path])
      }
      if disk.children[index].name == "driver" {
        disk.children[index].attributes["type"] = "raw"
      }
    }
    return disk
  }
}
