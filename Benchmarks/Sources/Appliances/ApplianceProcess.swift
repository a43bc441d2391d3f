// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ControlProtocol
import Foundation
import Identity
import RecoveryModel

/// `understudy appliance`, as it runs on a hypervisor's host.
struct ApplianceProcess {
  let site: SiteIdentifier
  let client: ApplianceClient
  let streamPort: Int
  let stateFolder: String
  private let supervisor: ProcessFigures
  private let program: Program

  /// The appliance's memory for writes on their way, in MiB.
  static let bufferInMB = 256

  /// Starts an appliance and waits until it answers; asked again with the same name, it finds what
  /// the earlier one has left.
  init(_ name: String, site: SiteIdentifier, sites: Sites, stage: Stage) async throws {
    self.site = site
    let folder = stage.path(name)
    stateFolder = folder + "/state"
    streamPort = try Machine.freePort()
    let controlPort = try Machine.freePort()
    try sites.identity(of: site, role: .appliance).save(in: folder + "/identity")
    let authorityFile = folder + "/authority.pem"
    try sites.certificates[site]?.write(toFile: authorityFile, atomically: true, encoding: .utf8)
    let configuration = ApplianceConfiguration(
      name: ApplianceIdentifier(name),
      site: site,
      stateFolder: stateFolder,
      runFolder: folder + "/run",
      controlHost: "127.0.0.1",
      controlPort: controlPort,
      streamHost: "127.0.0.1",
      streamPort: streamPort,
      identityFolder: folder + "/identity",
      authorityFile: authorityFile,
      bufferInMB: Self.bufferInMB
    )
    try FileManager.default.createDirectory(
      atPath: folder + "/run",
      withIntermediateDirectories: true
    )
    let configurationFile = folder + "/appliance.json"
    try JSONEncoder().encode(configuration).write(to: URL(filePath: configurationFile))
    let client = ApplianceClient(
      host: "127.0.0.1",
      port: controlPort,
      site: site,
      identity: try sites.identity(of: site, role: .manager),
      trust: sites.trust
    )
    self.client = client
    program = try stage.start(Machine.understudy, ["appliance", "--config", configurationFile])
    supervisor = ProcessFigures(identifier: program.identifier)
    try await waitUntil("the appliance \(name) answers") {
      (try? await client.status(timeout: .seconds(5))) != nil
    }
    try await client.setTrust(TrustRequest(authorities: sites.certificates))
  }

  func stop() { program.stop() }

  /// The most memory supervisor and worker ever had, in bytes.
  var peakMemoryByteCount: UInt64 {
    get throws {
      try ([supervisor] + supervisor.children).reduce(0) { try $0 + $1.peakMemoryByteCount }
    }
  }
}
