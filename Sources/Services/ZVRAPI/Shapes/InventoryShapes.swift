// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

// What a site's hypervisor has, as the API shows it.

extension APIValue {
  static func datastore(_ datastore: Inventory.Datastore) -> APIValue {
    .object(
      "DatastoreNativeApi",
      [
        "DatastoreIdentifier": .identifier(datastore.identifier),
        "DatastoreName": .string(datastore.name),
        "OwningDatastoreCluster": .null,
      ]
    )
  }

  /// A block device of a host that a VM has as a disk.
  static func device(_ device: BlockDevice) -> APIValue {
    .object(
      "DeviceDataApi",
      [
        "DeviceIdentifier": .string(device.disk.path),
        "DatastoreIdentifier": .identifier(device.disk.datastore),
        "DeviceName": .string(device.disk.path),
        "SizeInBytes": .integer(Int64(clamping: device.disk.byteCount)),
        "HostIdentifiers": .texts([device.machine.host.rawValue]),
        "VmIdentifier": .identifier(device.machine.identifier),
        "SizeInKb": .integer(Int64(clamping: device.disk.byteCount >> 10)),
        "HostIdentifier": .identifier(device.machine.host),
      ]
    )
  }

  static func network(_ network: Inventory.Network) -> APIValue {
    .object(
      "NetworkNativeApi",
      [
        "NetworkIdentifier": .identifier(network.identifier),
        "VirtualizationNetworkName": .string(network.name),
      ]
    )
  }

  static func folder(_ folder: Inventory.Folder) -> APIValue {
    .object(
      "FolderNativeApi",
      [
        "FolderIdentifier": .identifier(folder.identifier),
        "FolderName": .string(folder.name),
      ]
    )
  }

  static func resourcePool(_ pool: Inventory.ResourcePool) -> APIValue {
    .object(
      "ResourcePoolNativeApi",
      [
        "ResourcePoolIdentifier": .identifier(pool.identifier),
        "ResourcepoolName": .string(pool.name),
      ]
    )
  }

  /// A host, with everything that its site's VMs can be put on: a site's datastores and networks
  /// are those of its hypervisor.
  static func host(_ host: Inventory.Host, in inventory: Inventory) -> APIValue {
    .object(
      "HostNativeApi",
      [
        "HostIdentifier": .identifier(host.identifier),
        "VirtualizationHostName": .string(host.name),
        "HostVersion": .string(host.version),
        "ConnectionStatus": .string(host.isConnected ? "Connected" : "Disconnected"),
        "AssociatedDatastores": .list(
          inventory.datastores.map(APIValue.datastore),
          element: "DatastoreNativeApi"
        ),
        "AssociatedNetworks": .list(
          inventory.networks.map(APIValue.network),
          element: "NetworkNativeApi"
        ),
      ]
    )
  }

  /// A VM that no VPG protects.
  static func machine(_ machine: VirtualMachine, in inventory: Inventory) -> APIValue {
    let datastore = machine.disks.first?.datastore
    return .object(
      "VmNativeApi",
      [
        "VmIdentifier": .identifier(machine.identifier),
        "VmName": .string(machine.name),
        "VmInstanceIdentifier": .null,
        "OwningHostIdentifier": .identifier(machine.host),
        "OwningHostName": .text(
          inventory.hosts.first { $0.identifier == machine.host }?.name
        ),
        "OwningDatastoreIdentifier": .identifier(datastore),
        "OwningDatastoreName": .text(
          inventory.datastores.first { $0.identifier == datastore }?.name
        ),
        "GuestOs": .text(machine.guestOS),
        "VmNetworkInformation": networkInformation(machine),
        "VmPerfMetricInfo": .object(
          "VmPerfMetricInfo",
          [
            "ProvisionedStorageInMB": .integer(machine.provisionedInMB),
            "UsedStorageInMB": .integer(machine.usedInMB),
            "CpuCoresNum": .integer(machine.hardware.cpuCount),
            "MemorySizeInMB": .integer(machine.hardware.memoryInMB),
          ]
        ),
        "Nics": nics(machine.nics.map(\.identifier)),
        "Volumes": volumes(machine.disks.map(\.identifier)),
        "IsAgentInstalled": .bool(machine.hardware.hasGuestAgent),
        "PlatformInformation": .null,
      ]
    )
  }

  static func networkInformation(_ machine: VirtualMachine) -> APIValue {
    .object(
      "VmNetworkInformation",
      [
        "NetworkAdapters": .list(
          machine.nics.map { nic in
            .object(
              "VmNetworkAdapter",
              [
                "DisplayName": .identifier(nic.identifier),
                "NetworkIdentifier": .identifier(nic.network),
                "IpAddresses": .texts(nic.addresses),
              ]
            )
          },
          element: "VmNetworkAdapter"
        )
      ]
    )
  }

  static func nics(_ nics: [NICIdentifier]) -> APIValue {
    .list(
      nics.map { .object("NicNativeApi", ["NicIdentifier": .identifier($0)]) },
      element: "NicNativeApi"
    )
  }

  static func volumes(_ volumes: [VolumeIdentifier]) -> APIValue {
    .list(
      volumes.map {
        .object(
          "VmVolumeApi",
          ["VmVolumeIdentifier": .identifier($0), "PublicCloudVolumeIdentifier": .null]
        )
      },
      element: "VmVolumeApi"
    )
  }
}

extension VirtualMachine {
  var provisionedInMB: Int { disks.reduce(0) { $0 + Int($1.byteCount >> 20) } }

  var usedInMB: Int { disks.reduce(0) { $0 + Int($1.allocatedByteCount >> 20) } }
}

/// A disk that is a device of its host, and whose it is.
struct BlockDevice: Sendable {
  var machine: VirtualMachine
  var disk: VirtualMachine.Disk
}

extension Inventory {
  /// Block devices that VMs have as disks.
  var devices: [BlockDevice] {
    virtualMachines.flatMap { machine in
      machine.disks.filter { $0.path.hasPrefix("/dev/") }
        .map { BlockDevice(machine: machine, disk: $0) }
    }
  }
}
