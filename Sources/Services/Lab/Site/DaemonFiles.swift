// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// The appliance's configuration file, as `understudy appliance --help` describes it.
struct ApplianceFile: Encodable {
  let name: String
  let site: SiteIdentifier
  let stateFolder: String
  let runFolder: String
  let controlHost = "127.0.0.1"
  let controlPort = LabSite.controlPort
  let streamHost = "0.0.0.0"
  let streamPort = LabSite.streamPort
  let identityFolder: String
  let authorityFile: String
  let bufferInMB = 64
  let filesFolder: String

  init(_ site: LabSite) {
    name = site.applianceName
    self.site = site.identifier
    stateFolder = site.applianceFolder + "/state"
    runFolder = site.socketFolder
    identityFolder = site.applianceFolder
    authorityFile = site.authorityFile
    filesFolder = site.applianceFolder + "/files"
  }
}

/// The manager's configuration file, as `understudy manager --help` describes it.
struct ManagerFile: Encodable {
  let siteIdentifier: SiteIdentifier
  let siteName: String
  let location: String
  let stateFolder: String
  let listenHost = "0.0.0.0"
  let listenPort = LabSite.managerPort
  let peerHost = "0.0.0.0"
  let peerPort = LabSite.peerPort
  let advertisedHost: String
  let hypervisorURI: String
  let identityFolder: String
  let authorityFolder: String
  let appliances: [Appliance]
  let pamService = "login"
  let allowsKVM: Bool

  struct Appliance: Encodable {
    let name: String
    let controlURL: String
    let streamHost: String
    let streamPort: Int
    let hostName: String
  }

  init(_ site: LabSite, allowsKVM: Bool) {
    siteIdentifier = site.identifier
    siteName = site.name
    location = site.name.capitalized
    stateFolder = site.managerFolder + "/state"
    advertisedHost = site.peerAddress
    hypervisorURI = site.hypervisorURI
    identityFolder = site.managerFolder
    authorityFolder = site.authorityFolder
    appliances = [
      Appliance(
        name: site.applianceName,
        controlURL: "https://127.0.0.1:\(LabSite.controlPort)",
        streamHost: site.peerAddress,
        streamPort: LabSite.streamPort,
        hostName: site.hostName
      )
    ]
    self.allowsKVM = allowsKVM
  }
}
