// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Manager
internal import Store
internal import ZVRAPI

/// `understudy role`: who may do what at a site.
package struct RoleCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "role",
    abstract: "Show and change who has which role.",
    discussion: """
      Someone is written as os:NAME, group:NAME (of the operating system), manager:NAME, \
      libvirt:NAME, directory:NAME or client:NAME; * as the name is everybody else of that kind. \
      Roles are administrator, vpg-operator, tester, viewer, and none, which may not log on. What \
      is set here goes before the configuration. It counts from the next logon; the manager may be \
      running.
      """,
    subcommands: [List.self, Set.self, Remove.self]
  )

  package init() {}

  /// `understudy role list`.
  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Show every entry that counts, and where it comes from."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    package init() {}

    package func run() async throws {
      let configuration = try ManagerConfiguration(contentsOfFile: config)
      try await ManagerStore.use(of: configuration) { store in
        var entries = RoleBook.defaults.mapValues { ($0, "default") }
        for (subject, role) in configuration.access?.roles ?? [:] {
          entries[subject] = (role, "configuration")
        }
        for record in try await store.roles() { entries[record.subject] = (record.role, "store") }
        for (subject, (role, origin)) in entries.sorted(by: { $0.key < $1.key }) {
          print("\(subject)\t\(role)\t\(origin)")
        }
      }
    }
  }

  /// `understudy role set`.
  package struct Set: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Give someone a role.")

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "Who, such as os:alice or group:backup.")
    var subject: String

    @Argument(help: "administrator, vpg-operator, tester, viewer or none.")
    var role: String

    package init() {}

    package func validate() throws {
      guard RoleBook.isSubject(subject) else {
        throw ValidationError("“\(subject)” is not such as os:alice or group:backup.")
      }
      guard RoleBook.isRole(role) else { throw ValidationError("There is no role “\(role)”.") }
    }

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        try await store.save(RoleRecord(subject: subject, role: role))
        try await AuditCommand.note("role set \(subject) \(role)", in: store)
      }
    }
  }

  /// `understudy role remove`.
  package struct Remove: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Take back what was set; the configuration and the defaults count again."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "Who.")
    var subject: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        guard try await store.roles().contains(where: { $0.subject == subject }) else {
          throw UsageError("No role was set for “\(subject)”.")
        }
        try await store.removeRole(of: subject)
        try await AuditCommand.note("role remove \(subject)", in: store)
      }
    }
  }
}
