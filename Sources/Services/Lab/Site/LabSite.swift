// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// One site of a lab: its names, folders and addresses.
///
/// All follow from the lab's record.
package struct LabSite: Sendable {
  package let name: String
  package let identifier: SiteIdentifier
  let hostUUID: String
  package let user: String
  package let password: String
  /// 0 for the first site, 1 for the second.
  let index: Int
  let slot: Int
  let labName: String
  package let folder: String

  init(_ record: LabRecord.Site, index: Int, of lab: LabRecord, in labFolder: String) {
    name = record.name
    identifier = record.identifier
    hostUUID = record.hostUUID
    user = record.user
    password = record.password
    self.index = index
    slot = lab.slot
    labName = lab.name
    folder = "\(labFolder)/\(record.name)"
  }

  // MARK: Network

  /// The network namespace everything of the site runs in.
  package var namespace: String { "\(labName)-\(name)" }
  /// The name the site's hypervisor host gives itself.
  var hostName: String { "\(name)-host1" }
  /// The machine's end of the link to the site.
  var outsideLink: String { "us\(slot)-\(name)" }
  /// The machine's address on the link to the site.
  var outsideAddress: String { "10.213.\(slot).\(index * 4 + 1)" }
  /// Where the machine reaches the site.
  package var address: String { "10.213.\(slot).\(index * 4 + 2)" }
  /// Where the other site reaches the site.
  package var peerAddress: String { "10.213.\(slot).\(9 + index)" }
  /// The first three bytes of the network VMs are on.
  var productionNetwork: String { "192.168.\(150 + index * 10)" }
  /// The first three bytes of the network nothing leaves.
  var testNetwork: String { "192.168.\(151 + index * 10)" }

  // MARK: Manager and appliance

  package static let managerPort = 9669
  package static let peerPort = 9081
  static let controlPort = 9080
  static let streamPort = 4007

  package var url: String { "https://\(address):\(Self.managerPort)/v1" }
  var managerFolder: String { folder + "/manager" }
  var applianceFolder: String { folder + "/appliance" }
  /// Short, since a unix socket's path may have 107 bytes.
  var socketFolder: String { folder + "/sock" }
  var authorityFolder: String { folder + "/authority" }
  /// The certificate that a client of the manager trusts.
  package var authorityFile: String { authorityFolder + "/authority.pem" }
  var applianceName: String { "\(name)-appliance1" }
  package var managerConfigurationFile: String { managerFolder + "/manager.json" }
  package var applianceConfigurationFile: String { applianceFolder + "/appliance.json" }

  // MARK: Hypervisor

  var libvirtFolder: String { folder + "/libvirt" }
  var libvirtSocket: String { libvirtFolder + "/run/libvirt-sock" }
  /// The site's own libvirt.
  package var hypervisorURI: String { "qemu+unix:///system?socket=\(libvirtSocket)" }
  /// The folder of the site's only storage pool.
  package var datastoreFolder: String { folder + "/datastore1" }

  func logFile(_ daemon: String) -> String { "\(folder)/log/\(daemon).log" }
}
