// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Identity
internal import Manager
internal import Store
internal import ZVRAPI

/// `understudy client`: programs that get tokens for a secret.
package struct ClientCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Change the programs that log on with a secret of their own.",
    discussion: """
      A client gets tokens at /auth/realms/zerto/protocol/openid-connect/token with grant_type \
      client_credentials. The manager may be running.
      """,
    subcommands: [List.self, Add.self, Remove.self]
  )

  package init() {}

  /// `understudy client list`.
  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Show the clients.")

    @Option(help: "The manager's configuration file.")
    var config: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        for client in try await store.clients() { print(client.identifier) }
      }
    }
  }

  /// `understudy client add`.
  package struct Add: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Add a client, or give one a new secret; prints the secret, which is kept hashed."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Option(help: "administrator, vpg-operator, tester or viewer.")
    var role = "viewer"

    @Argument(help: "The client's identifier.")
    var identifier: String

    package init() {}

    package func validate() throws {
      guard Role(rawValue: role) != nil else {
        throw ValidationError("There is no role “\(role)”.")
      }
    }

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        var random = SystemRandomNumberGenerator()
        let secret = (0..<4).map { _ in String(random.next(), radix: 36) }.joined()
        try await store.save(
          RoleRecord(subject: RoleBook.subject(identifier, in: .client), role: role)
        )
        try await store.save(
          ClientRecord(identifier: identifier, secretHash: try PasswordHash.make(secret))
        )
        try await AuditCommand.note("client add \(identifier) --role \(role)", in: store)
        print(secret)
      }
    }
  }

  /// `understudy client remove`.
  package struct Remove: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Remove a client.")

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The client's identifier.")
    var identifier: String

    package init() {}

    package func run() async throws {
      try await ManagerStore.use(of: ManagerConfiguration(contentsOfFile: config)) { store in
        guard try await store.clients().contains(where: { $0.identifier == identifier }) else {
          throw UsageError("There is no client “\(identifier)”.")
        }
        try await store.removeClient(identifier)
        try await store.removeRole(of: RoleBook.subject(identifier, in: .client))
        try await AuditCommand.note("client remove \(identifier)", in: store)
      }
    }
  }
}
