// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg checkpoint`.
  struct Checkpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Insert a checkpoint with a tag; it is durable at the recovery site at the end."
    )

    @OptionGroup var operation: Operation

    @Argument(help: "What the checkpoint is called.")
    var tag: String

    @Flag(help: "Freeze the guests' file systems for it, through their agents.")
    var quiesce = false

    func run() async throws {
      try await operation.perform(quiesce ? "checkpoints/vss" : "checkpoints") { _, _ in
        ["CheckpointName": .text(tag)]
      }
    }
  }

  /// `understudy vpg quiesce`.
  struct Quiesce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a checkpoint be application-consistent every so many minutes."
    )

    @OptionGroup var operation: Operation

    @Option(help: "Minutes between two of them; 0 is never.")
    var every: Int

    func run() async throws {
      try await operation.perform("checkpoints/schedule") { _, _ in
        ["VssIntervalInMinutes": .number(Double(every))]
      }
    }
  }

  /// `understudy vpg pause`.
  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Pause replication.")

    @OptionGroup var operation: Operation

    func run() async throws { try await operation.perform("pause") }
  }

  /// `understudy vpg resume`.
  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Go on with replication; what was written meanwhile is synced."
    )

    @OptionGroup var operation: Operation

    func run() async throws { try await operation.perform("resume") }
  }

  /// `understudy vpg sync`.
  struct Sync: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare the disks of both sites, and send what differs."
    )

    @OptionGroup var operation: Operation

    func run() async throws { try await operation.perform("forcesync") }
  }

  /// `understudy vpg delete`.
  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End the protection of a VPG's VMs; the VMs themselves are left alone."
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Flag(help: "Remove the replicas of the disks too; else they stay as files.")
    var removeReplicas = false

    @Flag(help: "Delete it here also if the other site does not answer.")
    var force = false

    func run() async throws {
      try await manager.call { client in
        let path = try await target.path(client)
        let answer = try await client.delete(
          path,
          ["KeepRecoveryVolumes": .bool(!removeReplicas), "Force": .bool(force)]
        )
        try await watch.follow(try client.task(of: answer, "DELETE \(path)"), of: client)
      }
    }
  }
}
