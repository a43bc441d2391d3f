// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Manager
internal import RecoveryModel
internal import Store

/// `understudy service-profile`: the levels of service that VPGs can be given by name.
package struct ServiceProfileCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "service-profile",
    abstract: "Show and change the service profiles of a site.",
    discussion: """
      The REST API shows them at /v1/serviceprofiles, and VPGs name them in \
      Basic.ServiceProfileIdentifier. The manager may be running.
      """,
    subcommands: [List.self, Set.self, Remove.self]
  )

  package init() {}

  /// `understudy service-profile list`.
  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Show the profiles: identifier, name and figures, separated by tabs."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        for profile in try await store.serviceProfiles().sorted(by: { $0.name < $1.name }) {
          let fields = [
            profile.identifier, profile.name, "RPO \(profile.rpoInSeconds) s",
            "history \(profile.historyInHours) h", "test \(profile.testIntervalInMinutes) min",
            "journal \(profile.journalLimitInPercent) %",
            "warning \(profile.journalWarningInPercent) %", profile.description,
          ]
          print(fields.joined(separator: "\t"))
        }
      }
    }
  }

  /// `understudy service-profile set`.
  package struct Set: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Add a profile, or change the one of that name; prints its identifier."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Option(help: "The RPO to aim at, in seconds.")
    var rpo = 300

    @Option(help: "Hours of history to keep.")
    var history = 24

    @Option(help: "Minutes between two failover tests; 0 is never.")
    var testInterval = 262_080

    @Option(help: "What journals may take, in percent of the VMs' disks; 0 is no limit.")
    var journalLimit = 0

    @Option(help: "From when on journals are warned of, in the same percent; 0 is never.")
    var journalWarning = 0

    @Option(help: "Words for people.")
    var about = ""

    @Argument(help: "The profile's name.")
    var name: String

    package init() {}

    package func validate() throws {
      let isLine = !name.contains { $0.isNewline || $0 == "\t" }
      guard !name.isEmpty, isLine else { throw ValidationError("The name must be one line.") }
      for (option, number, least) in [
        ("rpo", rpo, 1), ("history", history, 1), ("test-interval", testInterval, 0),
        ("journal-limit", journalLimit, 0), ("journal-warning", journalWarning, 0),
      ] where !(least...1_000_000).contains(number) {
        throw ValidationError("--\(option) must be from \(least) to 1000000.")
      }
    }

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        let known = try await store.serviceProfiles().first { $0.name == name }
        let profile = ServiceProfile(
          identifier: known?.identifier ?? UUID().uuidString.lowercased(),
          name: name,
          description: about,
          rpoInSeconds: rpo,
          historyInHours: history,
          testIntervalInMinutes: testInterval,
          journalLimitInPercent: journalLimit,
          journalWarningInPercent: journalWarning
        )
        try await store.save(profile)
        try await AuditCommand.note("service-profile set \(name)", in: store)
        print(profile.identifier)
      }
    }
  }

  /// `understudy service-profile remove`.
  package struct Remove: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Remove a profile that no VPG has."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The profile's name.")
    var name: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        guard let profile = try await store.serviceProfiles().first(where: { $0.name == name })
        else { throw UsageError("There is no service profile “\(name)”.") }
        let users = try await store.vpgs().map(\.definition).filter {
          $0.policy.serviceProfile?.lowercased() == profile.identifier
        }
        guard users.isEmpty else {
          let names = users.map(\.name).joined(separator: ", ")
          throw UsageError("The service profile “\(name)” is that of VPGs: \(names).")
        }
        try await store.removeServiceProfile(profile.identifier)
        try await AuditCommand.note("service-profile remove \(name)", in: store)
      }
    }
  }
}
