// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import RESTClient

/// `understudy vpg`: what the REST API does with VPGs, by command.
package struct VPGCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "vpg",
    abstract: "Virtual protection groups: protect VMs, test, fail over, move.",
    discussion: """
      Every command calls the REST API of the manager that “understudy login” logged on at. An \
      operation may be asked for at either site of a VPG. A VPG is named by its name or its \
      identifier. Commands wait for the end of what they start, and say why it failed.
      """,
    subcommands: [
      List.self, Show.self, Exposure.self, Create.self, Edit.self, Checkpoints.self,
      Checkpoint.self, Quiesce.self, Test.self, StopTest.self, Bisect.self, Failover.self,
      Move.self, Commit.self, Rollback.self, Restore.self, RestoreCommit.self,
      RestoreRollback.self, Clone.self, Pause.self, Resume.self, Sync.self, Delete.self,
      Resolve.self,
    ]
  )

  package init() {}

  /// The VPG of a name or identifier, as the API shows it.
  static func find(_ vpg: String, _ client: ZVMClient) async throws -> JSON {
    let found = try await client.get("/vpgs").elements.filter {
      $0["VpgName"].text == vpg || $0["VpgIdentifier"].text == vpg
    }
    guard let only = found.first, found.count == 1 else {
      throw UsageError(
        found.isEmpty
          ? "There is no VPG “\(vpg)”."
          : "There are \(found.count) VPGs “\(vpg)”: name one by its identifier."
      )
    }
    return only
  }

  /// The VPG that is meant.
  struct Target: ParsableArguments {
    @Argument(help: "The VPG's name or identifier.")
    var vpg: String

    /// The VPG as the API shows it.
    func find(_ client: ZVMClient) async throws -> JSON {
      try await VPGCommand.find(vpg, client)
    }

    /// The path of the VPG in the API.
    func path(_ client: ZVMClient) async throws -> String {
      "/vpgs/" + (try await find(client)["VpgIdentifier"].text ?? "")
    }
  }

  /// What every command that starts an operation takes.
  struct Operation: ParsableArguments {
    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    /// Posts to a path below the VPG's, and waits for the task.
    func perform(
      _ operation: String,
      end: String = "done",
      _ body: (ZVMClient, _ path: String) async throws -> JSON = { _, _ in [:] }
    ) async throws {
      try await manager.call { client in
        let path = try await target.path(client)
        let task = try await client.begin(path + "/" + operation, try await body(client, path))
        try await watch.follow(task, of: client, end: end)
      }
    }
  }
}
