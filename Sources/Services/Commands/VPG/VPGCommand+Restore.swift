// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// One VM of a VPG.
  struct Member: ParsableArguments {
    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "The VM's name or identifier.")
    var vm: String

    /// Posts to a path below the VM's, and waits for the task.
    func perform(
      _ operation: String,
      end: String,
      _ body: (ZVMClient, _ vpg: JSON) async throws -> JSON
    ) async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        let identifier = try await VPGMembers(of: vpg, client).identifier(of: vm)
        let task = try await client.begin(
          "/vms/\(identifier)/\(operation)",
          try await body(client, vpg)
        )
        try await watch.follow(task, of: client, end: end)
      }
    }

    /// The same with the VPG alone in the body.
    func decide(_ operation: String, end: String) async throws {
      try await perform(operation, end: end) { _, vpg in
        .text(vpg["VpgIdentifier"].text ?? "")
      }
    }
  }

  /// `understudy vpg restore`.
  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Bring one VM back to a checkpoint, where it is protected.",
      discussion: """
        Without a checkpoint the newest is taken. The VM is shut down, and runs as it was then; \
        its own disks stay as they are until that is committed.
        """
    )

    @OptionGroup var member: Member
    @OptionGroup var point: VPGPoint

    @Option(help: "How the VM is shut down: graceful, forced, or none if it is off.")
    var shutdown = Shutdown.graceful

    @Option(
      name: .customLong("then"),
      help: "What ends it: wait (for “restore-commit” or “restore-rollback”), commit or rollback."
    )
    var ending = Ending.wait

    @Option(help: "After so many seconds.")
    var after = 0

    func validate() throws {
      guard (0...86_400).contains(after) else {
        throw ValidationError("--after is from 0 to 86400 seconds.")
      }
      guard ending != .wait || after == 0 else {
        throw ValidationError("--after needs --then commit or --then rollback.")
      }
    }

    func run() async throws {
      try await member.perform("Restore", end: words) { client, vpg in
        var body = try await point.body(client, vpg.path)
        body["VpgIdentifier"] = .text(vpg["VpgIdentifier"].text ?? "")
        body["CommitPolicy"] = .number(Double(ending.number))
        body["TimeToWaitBeforeContinueInSeconds"] = .number(Double(after))
        body["ShutdownPolicy"] = .number(Double(shutdown.number))
        return body
      }
    }

    private var words: String {
      let names = "\(member.target.vpg) --vm \(member.vm)"
      return switch ending {
      case .rollback, .commit: "the VM runs as it was; \(ending.rawValue) in \(after) s"
      case .wait:
        "the VM runs as it was: try it, then “understudy vpg restore-commit \(names)” or "
          + "“… restore-rollback \(names)”"
      }
    }
  }

  /// `understudy vpg restore-commit`.
  struct RestoreCommit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a restored VM stay as it is."
    )

    @OptionGroup var member: Member

    func run() async throws { try await member.decide("RestoreCommit", end: "the VM stays") }
  }

  /// `understudy vpg restore-rollback`.
  struct RestoreRollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a restored VM run as it was before it was restored.",
      discussion: "What it wrote since then is lost. It also ends a restore that is on its way."
    )

    @OptionGroup var member: Member

    func run() async throws {
      try await member.decide("RestoreRollback", end: "the VM is as it was before")
    }
  }
}
