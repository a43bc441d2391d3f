// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Identity
internal import Manager
internal import Store

/// `understudy manager-user`.
package struct ManagerUserCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "manager-user",
    abstract: "Change the users a manager has of its own.",
    subcommands: [Add.self, Remove.self]
  )

  package init() {}

  /// `understudy manager-user add`.
  package struct Add: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Add a user, or change a user's password.",
      discussion: """
        The password is the first line of standard input. It is kept as a slow, salted hash. The \
        manager may be running.
        """
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The user's name.")
    var name: String

    package init() {}

    package func run() async throws {
      guard let password = readLine(strippingNewline: true), !password.isEmpty else {
        throw ValidationError("The password is expected on standard input.")
      }
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        try await store.save(
          UserRecord(name: name, passwordHash: try PasswordHash.make(password))
        )
        try await AuditCommand.note("manager-user add \(name)", in: store)
      }
    }
  }

  /// `understudy manager-user remove`.
  package struct Remove: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Remove a user.")

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The user's name.")
    var name: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        guard try await store.user(name) != nil else {
          throw UsageError("There is no user “\(name)”.")
        }
        try await store.removeUser(name)
        try await AuditCommand.note("manager-user remove \(name)", in: store)
      }
    }
  }
}
