// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import RESTClient

/// `understudy site`.
package struct SiteCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "site",
    abstract: "This site and those it is paired with.",
    subcommands: [List.self, Token.self, Pair.self, Unpair.self]
  )

  package init() {}

  /// `understudy site list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the site and its peers.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let (here, peers) = try await manager.call { client in
        (try await client.get("/localsite"), try await client.get("/peersites").elements)
      }
      var table = TextTable("SITE", "ADDRESS", "PAIRING", "IDENTIFIER")
      table.append(
        here["SiteName"].text ?? "",
        here["IpAddress"].text ?? "",
        "this site",
        here["SiteIdentifier"].text ?? ""
      )
      for peer in peers {
        table.append(
          peer["PeerSiteName"].text ?? "",
          peer["HostName"].text ?? "",
          peer["PairingStatus"].int == 0 ? "paired" : "not reached",
          peer["SiteIdentifier"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy site token`.
  struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token that another site can pair with, once, within 48 hours."
    )

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let answer = try await manager.call { try await $0.post("/peersites/generatetoken") }
      guard let token = answer["Token"].text else {
        throw UsageError("The manager gave no token: \(answer).")
      }
      print(token)
    }
  }

  /// `understudy site pair`.
  struct Pair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pair with the site at an address, which gave the token."
    )

    @Argument(help: "The other manager's address.")
    var host: String

    @Argument(help: "What “understudy site token” printed there.")
    var token: String

    @Option(help: "The other manager's port for peers.")
    var port = 9081

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { client in
        let task = try await client.begin(
          "/peersites",
          ["HostName": .text(host), "Port": .number(Double(port)), "Token": .text(token)]
        )
        try await watch.follow(task, of: client)
      }
    }
  }

  /// `understudy site unpair`.
  struct Unpair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End the pairing with a site.")

    @Argument(help: "The peer's identifier.")
    var site: String

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { client in
        let answer = try await client.delete("/peersites/\(site)")
        try await watch.follow(try client.task(of: answer, "DELETE /peersites"), of: client)
      }
    }
  }
}
