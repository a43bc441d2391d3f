// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The names this adapter gives to libvirt's things.
///
/// All of them begin with the host UUID that the connection itself reports, so that two
/// hypervisors on one machine never give the same name.
struct LibvirtIdentifiers: Equatable, Sendable {
  let hypervisor: String

  func vm(uuid: String) -> VMIdentifier { VMIdentifier("\(hypervisor).vm-\(uuid)") }
  func host(_ name: String) -> HostIdentifier { HostIdentifier("\(hypervisor).host-\(name)") }
  func network(_ name: String) -> NetworkIdentifier {
    NetworkIdentifier("\(hypervisor).network-\(name)")
  }
  func datastore(_ name: String) -> DatastoreIdentifier {
    DatastoreIdentifier("\(hypervisor).datastore-\(name)")
  }
  var rootFolder: FolderIdentifier { FolderIdentifier("\(hypervisor).group-root") }

  /// The domain's UUID, if the VM is one of this hypervisor's.
  func uuid(of vm: VMIdentifier) -> String? { suffix(of: vm.rawValue, kind: "vm") }

  /// The network's name, if it is one of this hypervisor's.
  func name(of network: NetworkIdentifier) -> String? {
    suffix(of: network.rawValue, kind: "network")
  }

  private func suffix(of text: String, kind: String) -> String? {
    let prefix = "\(hypervisor).\(kind)-"
    return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }
}
