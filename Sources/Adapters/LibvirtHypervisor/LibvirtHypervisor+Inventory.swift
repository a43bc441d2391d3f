// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
package import Hypervisor
package import RecoveryModel

extension LibvirtHypervisor {
  package func inventory() async throws(HypervisorError) -> Inventory {
    let isLocal = isLocal
    return try await run { connection throws(HypervisorError) in
      let identifiers = connection.identifiers
      let datastores = try connection.datastores(isLocal: isLocal)
      let hostIdentifier = identifiers.host(connection.hostName)
      let networks = try connection.networkNames().map {
        Inventory.Network(
          identifier: identifiers.network($0),
          hosts: [hostIdentifier],
          name: $0
        )
      }
      let host = Inventory.Host(
        identifier: hostIdentifier,
        name: connection.hostName,
        version: connection.version,
        isConnected: true
      )
      let domains = try list("list the VMs") {
        virConnectListAllDomains(connection.pointer, &$0, 0)
      }.map(LibvirtDomain.init)
      var machines: [VirtualMachine] = []
      for domain in domains {
        do throws(HypervisorError) {
          machines.append(try connection.virtualMachine(domain, datastores: datastores))
        } catch {
          // A VM that was deleted while we looked is not listed.
          if try connection.domain(uuid: try domain.uuid) != nil { throw error }
        }
      }
      return Inventory(
        hosts: [host],
        datastores: datastores,
        networks: networks,
        folders: [Inventory.Folder(identifier: identifiers.rootFolder, name: "/")],
        resourcePools: connection.resourcePools(of: machines),
        virtualMachines: machines.sorted { ($0.name, $0.identifier) < ($1.name, $1.identifier) }
      )
    }
  }

  package func power(
    of vm: VMIdentifier
  ) async throws(HypervisorError) -> VirtualMachine.PowerState? {
    try await run { connection throws(HypervisorError) in
      guard let uuid = connection.identifiers.uuid(of: vm),
        let domain = try connection.domain(uuid: uuid)
      else { return nil }
      return try domain.power
    }
  }

  package func version() async throws(HypervisorError) -> String {
    try await run { connection throws(HypervisorError) in connection.version }
  }

  package func virtualMachine(
    _ vm: VMIdentifier
  ) async throws(HypervisorError) -> VirtualMachine? {
    let isLocal = isLocal
    return try await run { connection throws(HypervisorError) in
      guard let uuid = connection.identifiers.uuid(of: vm),
        let domain = try connection.domain(uuid: uuid)
      else { return nil }
      return try connection.virtualMachine(
        domain,
        datastores: try connection.datastores(isLocal: isLocal)
      )
    }
  }
}

extension LibvirtConnection {
  /// The root, and the partitions VMs are in: libvirt lists none by themselves.
  fileprivate func resourcePools(of machines: [VirtualMachine]) -> [Inventory.ResourcePool] {
    let root = Inventory.ResourcePool(identifier: identifiers.resourcePool(nil), name: "Resources")
    let used = Set(machines.compactMap(\.resourcePool)).subtracting([root.identifier])
    return [root]
      + used.sorted().map { pool in
        Inventory.ResourcePool(
          identifier: pool,
          name: identifiers.partition(of: pool) ?? root.name
        )
      }
  }

  /// The pools that are folders and active.
  func datastores(isLocal: Bool) throws(HypervisorError) -> [Inventory.Datastore] {
    let flags =
      VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE.rawValue | VIR_CONNECT_LIST_STORAGE_POOLS_DIR.rawValue
      | VIR_CONNECT_LIST_STORAGE_POOLS_FS.rawValue | VIR_CONNECT_LIST_STORAGE_POOLS_NETFS.rawValue
    let pools = try list("list the storage pools") {
      virConnectListAllStoragePools(pointer, &$0, flags)
    }
    defer { pools.forEach { virStoragePoolFree($0) } }
    return pools.compactMap { datastore($0, isLocal: isLocal) }.sorted { $0.name < $1.name }
  }

  func networkNames() throws(HypervisorError) -> [String] {
    let networks = try list("list the networks") { virConnectListAllNetworks(pointer, &$0, 0) }
    defer { networks.forEach { virNetworkFree($0) } }
    return networks.compactMap { virNetworkGetName($0).map { String(cString: $0) } }.sorted()
  }

  private func datastore(_ pool: OpaquePointer, isLocal: Bool) -> Inventory.Datastore? {
    var info = virStoragePoolInfo()
    guard let name = virStoragePoolGetName(pool).map({ String(cString: $0) }),
      !HostFolder.isOurs(name), virStoragePoolGetInfo(pool, &info) == 0,
      let document = try? text(virStoragePoolGetXMLDesc(pool, 0), "read a storage pool"),
      let tree = XMLTree(parsing: document), let path = tree["target"]?["path"]?.text
    else { return nil }
    var (capacity, free) = (info.capacity, info.available)
    var fault: String?
    if info.state != CInt(VIR_STORAGE_POOL_RUNNING.rawValue) {
      fault = "libvirt says that its pool cannot be used"
    }
    // libvirt's figures are those of the pool's last refresh; a refresh reads every volume, and
    // stops the pool if one vanishes meanwhile.
    var system = statvfs()
    if isLocal {
      if statvfs(path, &system) == 0 {
        capacity = UInt64(system.f_blocks) * UInt64(system.f_frsize)
        free = UInt64(system.f_bavail) * UInt64(system.f_frsize)
      } else {
        fault = "its folder: " + String(cString: strerror(errno))
      }
    }
    var found = Inventory.Datastore(
      identifier: identifiers.datastore(name),
      host: identifiers.host(hostName),
      name: name,
      path: path,
      capacityInBytes: capacity,
      freeInBytes: free
    )
    found.type = tree.attributes["type"]
    found.fault = fault
    return found
  }

  func virtualMachine(
    _ domain: LibvirtDomain,
    datastores: [Inventory.Datastore]
  ) throws(HypervisorError) -> VirtualMachine {
    let description = try domain.description()
    let power = try domain.power
    let run = power == .off ? nil : Int(virDomainGetID(domain.pointer))
    let addresses = power == .off ? [:] : domain.addresses()
    var found = VirtualMachine(
      identifier: identifiers.vm(uuid: description.uuid),
      name: description.name,
      host: identifiers.host(hostName),
      power: power,
      runIdentifier: run,
      hardware: description.hardware,
      disks: description.disks.map { disk in
        let size = domain.size(of: disk)
        var shown = VirtualMachine.Disk(
          identifier: disk.volume,
          target: disk.target,
          byteCount: size.capacity,
          allocatedByteCount: size.allocated,
          path: disk.path,
          datastore: Self.datastore(of: disk.path, among: datastores)
        )
        shown.fileFormat = disk.fileFormat
        return shown
      },
      nics: description.nics.enumerated().map { index, card in
        VirtualMachine.NIC(
          identifier: NICIdentifier("Network adapter \(index + 1)"),
          macAddress: card.macAddress,
          network: card.networkName.map(identifiers.network),
          addresses: addresses[card.macAddress.lowercased()] ?? []
        )
      },
      ties: description.ties.isEmpty ? nil : description.ties,
      guestOS: description.guestOS,
      resourcePool: identifiers.resourcePool(description.partition)
    )
    found.limits = limits(description.limits)
    if virDomainIsPersistent(domain.pointer) == 0 { found.isTransient = true }
    return found
  }

  private func limits(_ limits: DomainLimits) -> VMLimits? {
    let shown = VMLimits(
      cpuInMHz: limits.processors.map { Int(($0 * Double(processorMHz())).rounded()) },
      memoryInMB: limits.memoryInMB,
      reservedMemoryInMB: limits.reservedMemoryInMB
    )
    return shown == VMLimits() ? nil : shown
  }

  private static func datastore(
    of path: String,
    among datastores: [Inventory.Datastore]
  ) -> DatastoreIdentifier? {
    datastores.filter { path.hasPrefix($0.path + "/") }.max { $0.path.count < $1.path.count }?
      .identifier
  }
}

extension LibvirtDomain {
  var power: VirtualMachine.PowerState {
    get throws(HypervisorError) {
      var state: CInt = 0
      try LibvirtFailure.check(virDomainGetState(pointer, &state, nil, 0), "read the VM's state")
      return switch virDomainState(rawValue: UInt32(bitPattern: state)) {
      case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED, VIR_DOMAIN_SHUTDOWN: .running
      case VIR_DOMAIN_PAUSED, VIR_DOMAIN_PMSUSPENDED: .paused
      default: .off
      }
    }
  }

  /// A disk's size and what it takes on its datastore; zero where libvirt cannot tell.
  func size(of disk: DomainDescription.Disk) -> (capacity: UInt64, allocated: UInt64) {
    var info = virDomainBlockInfo()
    guard virDomainGetBlockInfo(pointer, disk.target, &info, 0) == 0 else { return (0, 0) }
    return (info.capacity, info.allocation)
  }

  /// The addresses libvirt's own DHCP has given, by MAC address in lower case.
  ///
  /// The guest agent is not asked: one that hangs would hold up everything else.
  func addresses() -> [String: [String]] {
    var array: UnsafeMutablePointer<virDomainInterfacePtr?>?
    let count = virDomainInterfaceAddresses(
      pointer,
      &array,
      UInt32(VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE.rawValue),
      0
    )
    guard count > 0, let array else { return [:] }
    defer { free(array) }
    var result: [String: [String]] = [:]
    for index in 0..<Int(count) {
      guard let interface = array[index] else { continue }
      if let mac = interface.pointee.hwaddr.map({ String(cString: $0).lowercased() }) {
        for number in 0..<Int(interface.pointee.naddrs) {
          guard let address = interface.pointee.addrs[number].addr else { continue }
          result[mac, default: []].append(String(cString: address))
        }
      }
      virDomainInterfaceFree(interface)
    }
    return result
  }
}
