// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Logging
internal import Manager

/// `understudy`.
package struct UnderstudyCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "understudy",
    abstract: "Continuous data protection and disaster recovery for KVM virtual machines.",
    discussion: """
      A site has one manager, which serves the REST API and runs recoveries, and an appliance on \
      each hypervisor host, which carries and keeps the writes of protected VMs. To see all of it \
      at work on one machine, run `understudy lab demo` as root.
      """,
    version: ManagerService.version,
    groupedSubcommands: [
      CommandGroup(
        name: "Working with a site:",
        subcommands: [
          LoginCommand.self, LogoutCommand.self, SiteCommand.self, VPGCommand.self,
          EventCommand.self, AlertCommand.self, TaskCommand.self, TapCommand.self,
          HostCommand.self, ReportCommand.self, FileCommand.self, RetentionCommand.self,
        ]
      ),
      CommandGroup(
        name: "Running a site, on its manager's host:",
        subcommands: [
          ManagerCommand.self, ApplianceCommand.self, IdentityCommand.self,
          ManagerUserCommand.self, RoleCommand.self, ClientCommand.self, AuditCommand.self,
          ServiceProfileCommand.self, BandwidthCommand.self, PointCommand.self,
          StoreCommand.self, ApplianceWorkerCommand.self,
        ]
      ),
      CommandGroup(name: "Trying it:", subcommands: [LabCommand.self]),
    ]
  )

  package init() {}

  /// The log of a daemon: standard error, since a worker's standard output is its supervisor's.
  static func makeLogger(_ label: String) -> Logger {
    Logger(label: label) { StreamLogHandler.standardError(label: $0) }
  }

  /// The path of the program that runs.
  static func executablePath() throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }
}
