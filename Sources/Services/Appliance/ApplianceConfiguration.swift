// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel

/// What an appliance must be told, as a JSON file.
package struct ApplianceConfiguration: Codable, Sendable, Equatable {
  package var name: ApplianceIdentifier
  package var site: SiteIdentifier
  /// Journals and everything else that outlives the process.
  package var stateFolder: String
  /// Unix sockets.
  ///
  /// Keep the path short: a socket's path has at most 107 bytes.
  package var runFolder: String
  /// Where the site's manager reaches the appliance.
  package var controlHost: String
  package var controlPort: Int
  /// Where appliances of other sites send their streams.
  package var streamHost: String
  package var streamPort: Int
  /// Holds `cert.pem` and `key.pem`.
  package var identityFolder: String
  /// The certificate of the site's authority, in PEM.
  package var authorityFile: String
  /// Memory for writes that the other site has not acknowledged, per protected VM.
  ///
  /// The manager may ask for less, never for more.
  package var bufferInMB: Int
  /// The user the hypervisor's processes run as, who may use the sockets.
  ///
  /// nil is ``SocketAccess/usualUser`` if there is one, else the appliance's own.
  package var hypervisorUser: String?
  /// Scratch for fetching single files, which `hypervisorUser` must be able to reach: every folder
  /// above it lets others pass.
  ///
  /// nil is a folder of the appliance's name in `/var/cache/understudy`.
  package var filesFolder: String?

  package init(
    name: ApplianceIdentifier,
    site: SiteIdentifier,
    stateFolder: String,
    runFolder: String,
    controlHost: String,
    controlPort: Int,
    streamHost: String,
    streamPort: Int,
    identityFolder: String,
    authorityFile: String,
    bufferInMB: Int,
    hypervisorUser: String? = nil,
    filesFolder: String? = nil
  ) {
    self.name = name
    self.site = site
    self.stateFolder = stateFolder
    self.runFolder = runFolder
    self.controlHost = controlHost
    self.controlPort = controlPort
    self.streamHost = streamHost
    self.streamPort = streamPort
    self.identityFolder = identityFolder
    self.authorityFile = authorityFile
    self.bufferInMB = bufferInMB
    self.hypervisorUser = hypervisorUser
    self.filesFolder = filesFolder
  }

  /// Reads the file at `path`.
  package init(contentsOfFile path: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
  }
}
