// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a site's hypervisor has: the things an administrator picks from.
package struct Inventory: Codable, Sendable, Equatable {
  package var hosts: [Host]
  package var datastores: [Datastore]
  package var networks: [Network]
  package var folders: [Folder]
  package var resourcePools: [ResourcePool] {
    get { pools ?? [] }
    set { pools = newValue }
  }
  /// Optional, for inventories of managers from before pools were known.
  private var pools: [ResourcePool]?
  package var virtualMachines: [VirtualMachine]

  package init(
    hosts: [Host] = [],
    datastores: [Datastore] = [],
    networks: [Network] = [],
    folders: [Folder] = [],
    resourcePools: [ResourcePool] = [],
    virtualMachines: [VirtualMachine] = []
  ) {
    self.hosts = hosts
    self.datastores = datastores
    self.networks = networks
    self.folders = folders
    pools = resourcePools
    self.virtualMachines = virtualMachines
  }

  /// A hypervisor host.
  package struct Host: Codable, Sendable, Equatable {
    package var identifier: HostIdentifier
    package var name: String
    /// The hypervisor's version, such as `QEMU 7.2.22`.
    package var version: String
    package var isConnected: Bool

    package init(identifier: HostIdentifier, name: String, version: String, isConnected: Bool) {
      self.identifier = identifier
      self.name = name
      self.version = version
      self.isConnected = isConnected
    }
  }

  /// A folder-like place for disks: a libvirt storage pool of type `dir`.
  package struct Datastore: Codable, Sendable, Equatable {
    package var identifier: DatastoreIdentifier
    package var host: HostIdentifier
    package var name: String
    /// The folder on the host.
    package var path: String
    package var capacityInBytes: UInt64
    package var freeInBytes: UInt64
    /// Libvirt's word for what it is, such as `dir` or `netfs`; nil if nobody said.
    package var type: String?
    /// Why it cannot be used now; nil if it can.
    package var fault: String?

    package init(
      identifier: DatastoreIdentifier,
      host: HostIdentifier,
      name: String,
      path: String,
      capacityInBytes: UInt64,
      freeInBytes: UInt64
    ) {
      self.identifier = identifier
      self.host = host
      self.name = name
      self.path = path
      self.capacityInBytes = capacityInBytes
      self.freeInBytes = freeInBytes
    }
  }

  /// A libvirt network.
  package struct Network: Codable, Sendable, Equatable {
    package var identifier: NetworkIdentifier
    /// The hosts that have a network of the name.
    package var hosts: [HostIdentifier]
    package var name: String

    package init(identifier: NetworkIdentifier, hosts: [HostIdentifier], name: String) {
      self.identifier = identifier
      self.hosts = hosts
      self.name = name
    }
  }

  /// A folder of VMs.
  package struct Folder: Codable, Sendable, Equatable {
    package var identifier: FolderIdentifier
    package var name: String

    package init(identifier: FolderIdentifier, name: String) {
      self.identifier = identifier
      self.name = name
    }
  }

  /// What VMs share a host by: the root, and each resource partition that a VM of the site is in.
  package struct ResourcePool: Codable, Sendable, Equatable {
    package var identifier: ResourcePoolIdentifier
    package var name: String

    package init(identifier: ResourcePoolIdentifier, name: String) {
      self.identifier = identifier
      self.name = name
    }
  }
}

/// A VM as the hypervisor knows it.
package struct VirtualMachine: Codable, Sendable, Equatable {
  package var identifier: VMIdentifier
  package var name: String
  package var host: HostIdentifier
  package var power: PowerState
  /// The process of the running VM; changes when the VM is powered off and on.
  package var runIdentifier: Int?
  package var hardware: VMHardware
  package var disks: [Disk]
  package var nics: [NIC]
  /// What ties the VM to its host, in words; nil is nothing.
  ///
  /// Another host could not run it as it is.
  package var ties: [String]?
  /// Whether it is gone once it is off; nil is no.
  package var isTransient: Bool?
  /// The guest's operating system, such as `debian 12`; nil if nobody said.
  package var guestOS: String?
  /// The pool the VM is in; nil if nobody said.
  package var resourcePool: ResourcePoolIdentifier?
  /// What it may take of its host; nil without limits.
  package var limits: VMLimits?

  package init(
    identifier: VMIdentifier,
    name: String,
    host: HostIdentifier,
    power: PowerState,
    runIdentifier: Int?,
    hardware: VMHardware,
    disks: [Disk],
    nics: [NIC],
    ties: [String]? = nil,
    guestOS: String? = nil,
    resourcePool: ResourcePoolIdentifier? = nil
  ) {
    self.identifier = identifier
    self.name = name
    self.host = host
    self.power = power
    self.runIdentifier = runIdentifier
    self.hardware = hardware
    self.disks = disks
    self.nics = nics
    self.ties = ties
    self.guestOS = guestOS
    self.resourcePool = resourcePool
  }

  /// Whether the VM runs.
  package enum PowerState: String, Codable, Sendable {
    case running
    case paused
    case off
  }

  /// A writable disk.
  ///
  /// CD-ROMs and floppies are left out.
  package struct Disk: Codable, Sendable, Equatable {
    package var identifier: VolumeIdentifier
    /// The name on the guest's bus, such as `vda`.
    package var target: String
    package var byteCount: UInt64
    /// Bytes the disk takes on its datastore.
    package var allocatedByteCount: UInt64
    /// The file or device on the host.
    package var path: String
    package var datastore: DatastoreIdentifier?
    /// The format of a file, such as `raw`; nil of what is none.
    package var fileFormat: String?

    package init(
      identifier: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      allocatedByteCount: UInt64,
      path: String,
      datastore: DatastoreIdentifier?
    ) {
      self.identifier = identifier
      self.target = target
      self.byteCount = byteCount
      self.allocatedByteCount = allocatedByteCount
      self.path = path
      self.datastore = datastore
    }
  }

  /// A network card.
  package struct NIC: Codable, Sendable, Equatable {
    package var identifier: NICIdentifier
    package var macAddress: String
    package var network: NetworkIdentifier?
    /// Addresses the hypervisor has seen, without prefix lengths.
    package var addresses: [String]

    package init(
      identifier: NICIdentifier,
      macAddress: String,
      network: NetworkIdentifier?,
      addresses: [String]
    ) {
      self.identifier = identifier
      self.macAddress = macAddress
      self.network = network
      self.addresses = addresses
    }
  }
}
