// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a site leaves behind when its VMs were recovered at the other one for good: where the way
/// back leads.
package struct Reversal: Codable, Sendable, Equatable {
  package var folder: FolderIdentifier?
  package var vms: [VM]

  package init(folder: FolderIdentifier?, vms: [VM]) {
    self.folder = folder
    self.vms = vms
  }

  /// A VM that is off, as its site has it.
  package struct VM: Codable, Sendable, Equatable {
    package var identifier: VMIdentifier
    package var host: HostIdentifier
    /// The pool it was in; nil if nobody said.
    package var resourcePool: ResourcePoolIdentifier?
    /// The networks of the cards, in their order.
    package var networks: [NetworkIdentifier?]
    package var disks: [Disk]

    package init(
      identifier: VMIdentifier,
      host: HostIdentifier,
      resourcePool: ResourcePoolIdentifier? = nil,
      networks: [NetworkIdentifier?],
      disks: [Disk]
    ) {
      self.identifier = identifier
      self.host = host
      self.resourcePool = resourcePool
      self.networks = networks
      self.disks = disks
    }
  }

  /// A disk whose file becomes the replica of the way back.
  package struct Disk: Codable, Sendable, Equatable {
    package var target: String
    package var byteCount: UInt64
    package var datastore: DatastoreIdentifier
    package var path: String

    package init(
      target: String,
      byteCount: UInt64,
      datastore: DatastoreIdentifier,
      path: String
    ) {
      self.target = target
      self.byteCount = byteCount
      self.datastore = datastore
      self.path = path
    }
  }
}
