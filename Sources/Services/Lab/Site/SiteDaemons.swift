// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Identity
internal import RecoveryModel

/// A site's appliance and manager: their certificates, their configuration, their processes.
struct SiteDaemons {
  let site: LabSite
  let allowsKVM: Bool
  let executable: String

  var appliance: Daemon { daemon("appliance", configuration: site.applianceConfigurationFile) }
  var manager: Daemon { daemon("manager", configuration: site.managerConfigurationFile) }

  private func daemon(_ name: String, configuration: String) -> Daemon {
    Daemon(
      name: name,
      logFile: site.logFile(name),
      pidFile: "\(site.folder)/\(name).pid",
      command: [
        "ip", "netns", "exec", site.namespace, "env",
        "LIBGUESTFS_BACKEND_SETTINGS=\(allowsKVM ? "" : "force_tcg")",
        executable, name, "--config", configuration,
      ],
      mark: configuration
    )
  }

  /// Issues the certificates that are missing and writes both configuration files.
  func writeConfigurations() throws {
    let authority = try SiteAuthority.loadOrCreate(
      in: site.authorityFolder,
      site: site.identifier,
      name: site.name
    )
    let hosts = [site.address, site.peerAddress, "127.0.0.1", "localhost"]
    for (role, name, folder) in [
      (PeerRole.manager, site.name, site.managerFolder),
      (.appliance, site.applianceName, site.applianceFolder),
    ] where !FileManager.default.fileExists(atPath: folder + "/cert.pem") {
      try authority.issue(role: role, name: name, hosts: hosts).save(in: folder)
    }
    try PrivateFile.write(
      json: ApplianceFile(site),
      to: site.applianceConfigurationFile
    )
    try PrivateFile.write(
      json: ManagerFile(site, allowsKVM: allowsKVM),
      to: site.managerConfigurationFile
    )
  }

  /// Gives the manager a user of its own.
  func addUser() async throws {
    try await Program.run(
      [
        executable, "manager-user", "add", "--config", site.managerConfigurationFile, site.user,
      ],
      input: site.password + "\n"
    )
  }

  /// Starts both, and waits until each of them listens.
  func up() async throws {
    try await appliance.start()
    try await waitForPort(LabSite.controlPort, of: appliance)
    try await manager.start()
    try await waitForPort(LabSite.managerPort, of: manager)
  }

  private func waitForPort(_ port: Int, of daemon: Daemon) async throws {
    let command = [
      "ip", "netns", "exec", site.namespace, "ss", "-H", "-l", "-t", "-n", "sport = :\(port)",
    ]
    let listens = try await Waiting.until(seconds: 30) {
      guard daemon.processIdentifier != nil else {
        throw LabError("the \(daemon.name) of \(site.name) ended: \(daemon.lastWords)")
      }
      return try await Program.run(command).contains(":\(port)")
    }
    guard listens else {
      throw LabError(
        "the \(daemon.name) of \(site.name) does not listen on \(port): \(daemon.lastWords)"
      )
    }
  }
}
