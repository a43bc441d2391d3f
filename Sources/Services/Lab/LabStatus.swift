// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What there is in a lab, for a person or a script: `understudy lab status`.
package struct LabStatus: Encodable, Sendable {
  package var name: String
  package var folder: String
  package var sites: [Site]

  /// One site, with all that is needed to use its API.
  package struct Site: Encodable, Sendable {
    package var name: String
    package var url: String
    package var user: String
    package var password: String
    package var caFile: String
    /// For `virsh -c`.
    package var hypervisorURI: String
    package var vms: [VM]
    package var daemons: [Process]
  }

  /// A VM, protected or not.
  package struct VM: Encodable, Sendable {
    package var name: String
    /// `running`, `shut off` … in libvirt's words; `unknown` if libvirtd does not answer.
    package var state: String
  }

  /// A daemon.
  ///
  /// Without a process identifier it does not run.
  package struct Process: Encodable, Sendable {
    package var name: String
    package var processId: Int32?
    package var logFile: String
  }

  /// The status as one JSON object.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The status as lines to read.
  package var lines: [String] {
    var lines: [String] = []
    for site in sites {
      lines += [
        "site \(site.name)", "  url       \(site.url)", "  user      \(site.user)",
        "  password  \(site.password)", "  CA file   \(site.caFile)",
        "  virsh -c  \(site.hypervisorURI)",
      ]
      lines += site.vms.map { "  VM        \($0.name) (\($0.state))" }
      lines += site.daemons.map { daemon in
        let process = daemon.processId.map { "process \($0)" } ?? "not running"
        return "  daemon    \(daemon.name), \(process), log \(daemon.logFile)"
      }
    }
    return lines
  }
}

extension Lab {
  /// What there is now.
  ///
  /// - Throws: ``LabError`` if there is no lab.
  package func status() async throws -> LabStatus {
    var status = LabStatus(name: settings.name, folder: settings.folder, sites: [])
    for site in try sites() {
      let daemons = SiteDaemons(site: site, allowsKVM: false, executable: settings.executable)
      let libvirt = SiteLibvirt(site: site, allowsKVM: false)
      status.sites.append(
        LabStatus.Site(
          name: site.name,
          url: site.url,
          user: site.user,
          password: site.password,
          caFile: site.authorityFile,
          hypervisorURI: site.hypervisorURI,
          vms: try await vms(of: libvirt),
          daemons: [libvirt.daemon, daemons.appliance, daemons.manager].map {
            LabStatus.Process(
              name: $0.name,
              processId: $0.processIdentifier,
              logFile: $0.logFile
            )
          }
        )
      )
    }
    return status
  }

  private func vms(of libvirt: SiteLibvirt) async throws -> [LabStatus.VM] {
    guard libvirt.daemon.processIdentifier != nil else { return [] }
    var vms: [LabStatus.VM] = []
    for name in try await libvirt.names(["list", "--all", "--name"]) {
      let state = try? await libvirt.virsh(["domstate", name], seconds: 10)
      vms.append(
        LabStatus.VM(
          name: name,
          state: state?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
        )
      )
    }
    return vms
  }
}
