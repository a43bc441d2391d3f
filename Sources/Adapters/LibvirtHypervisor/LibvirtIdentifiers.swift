// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The names this adapter gives to libvirt's things.
///
/// Hosts and datastores begin with the host UUID that the connection itself reports, so that two
/// hypervisors on one machine never give the same name. What several hosts of a site share, VMs
/// that can migrate and networks of one name, begins with the group's name, if there is one.
struct LibvirtIdentifiers: Equatable, Sendable {
  let hypervisor: String
  let group: String

  /// - Parameters:
  ///   - hypervisor: The host's UUID.
  ///   - group: What the identifiers of the site's VMs begin with; nil for a site of one host.
  init(hypervisor: String, group: String? = nil) {
    self.hypervisor = hypervisor
    self.group = group ?? hypervisor
  }

  func vm(uuid: String) -> VMIdentifier { VMIdentifier("\(group).vm-\(uuid)") }
  func host(_ name: String) -> HostIdentifier { HostIdentifier("\(hypervisor).host-\(name)") }
  func network(_ name: String) -> NetworkIdentifier {
    NetworkIdentifier("\(group).network-\(name)")
  }
  func datastore(_ name: String) -> DatastoreIdentifier {
    DatastoreIdentifier("\(hypervisor).datastore-\(name)")
  }
  var rootFolder: FolderIdentifier { FolderIdentifier("\(group).group-root") }

  /// The pool of a resource partition; libvirt's own, where VMs are that name none, is the root.
  func resourcePool(_ partition: String?) -> ResourcePoolIdentifier {
    guard let partition, partition != Self.rootPartition else {
      return ResourcePoolIdentifier("\(group).resgroup-\(Self.rootPool)")
    }
    return ResourcePoolIdentifier("\(group).resgroup-\(partition)")
  }

  static let rootPartition = "/machine"
  private static let rootPool = "root"

  /// The domain's UUID, if the VM is one of this hypervisor's.
  func uuid(of vm: VMIdentifier) -> String? { suffix(of: vm.rawValue, kind: "vm") }

  /// The network's name, if it is one of this hypervisor's.
  func name(of network: NetworkIdentifier) -> String? {
    suffix(of: network.rawValue, kind: "network")
  }

  /// The pool's partition; nil is libvirt's own.
  func partition(of pool: ResourcePoolIdentifier) -> String? {
    suffix(of: pool.rawValue, kind: "resgroup").flatMap { $0 == Self.rootPool ? nil : $0 }
  }

  private func suffix(of text: String, kind: String) -> String? {
    let prefix = "\(group).\(kind)-"
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }
}
