// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg test`.
  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start copies of the VMs at the recovery site, in the test networks.",
      discussion: "Protection goes on meanwhile. “understudy vpg stop-test” removes the copies."
    )

    @OptionGroup var operation: Operation
    @OptionGroup var point: VPGPoint

    @OptionGroup var choice: VMChoice

    func run() async throws {
      try await operation.perform(
        "FailoverTest",
        end: "the test runs: end it with “understudy vpg stop-test \(operation.target.vpg)”"
      ) { client, path in
        var body = try await point.body(client, path)
        try await choice.add(to: &body, of: operation, client)
        return body
      }
    }
  }

  /// Some of a VPG's VMs.
  struct VMChoice: ParsableArguments {
    @Option(name: .customLong("vm"), help: "This VM alone; may be given several times.")
    var vms: [String] = []

    /// Names them in a call's body; without any it takes all.
    func add(
      to body: inout JSON,
      of operation: Operation,
      _ client: ZVMClient
    ) async throws {
      guard !vms.isEmpty else { return }
      let members = try await VPGMembers(of: try await operation.target.find(client), client)
      body["VmIdentifiers"] = .array(try vms.map { .text(try members.identifier(of: $0)) })
    }
  }

  /// `understudy vpg stop-test`.
  struct StopTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a test, and note its result for the recovery report.",
      discussion: "With --vm it ends for these VMs alone, and goes on for the others."
    )

    @OptionGroup var operation: Operation
    @OptionGroup var choice: VMChoice

    @Flag(help: "Note that the test failed.")
    var failed = false

    @Option(help: "What was found.")
    var summary = ""

    func run() async throws {
      try await operation.perform("FailoverTestStop") { client, _ in
        var body: JSON = [
          "FailoverTestSuccess": .bool(!failed), "FailoverTestSummary": .text(summary),
        ]
        try await choice.add(to: &body, of: operation, client)
        return body
      }
    }
  }

  /// What ends a failover or a move, by the API's numbers of commit policies.
  enum Ending: String, ExpressibleByArgument, CaseIterable {
    case rollback, commit, wait

    var number: Int {
      switch self {
      case .rollback: 0
      case .commit: 1
      case .wait: 2
      }
    }
  }

  /// How a failover or a move ends.
  struct Ends: ParsableArguments {
    @Option(
      name: .customLong("then"),
      help: "What ends it: wait (for “commit” or “rollback”), commit or rollback."
    )
    var ending = Ending.wait

    @Option(help: "After so many seconds.")
    var after = 0

    @Flag(help: "Protect the recovered VMs towards where they came from, once committed.")
    var reverse = false

    func validate() throws {
      guard (0...86_400).contains(after) else {
        throw ValidationError("--after is from 0 to 86400 seconds.")
      }
      guard ending != .wait || after == 0 else {
        throw ValidationError("--after needs --then commit or --then rollback.")
      }
    }

    /// What is said when the VMs run at the recovery site.
    func words(_ vpg: String) -> String {
      switch ending {
      case .rollback, .commit: "the VMs run; \(ending.rawValue) in \(after) s"
      case .wait:
        "the VMs run: try them, then “understudy vpg commit \(vpg)” or “… rollback \(vpg)”"
      }
    }
  }

  /// What happens to the protected VMs, by the API's numbers of shutdown policies.
  enum Shutdown: String, ExpressibleByArgument, CaseIterable {
    case none, graceful, forced

    var number: Int {
      switch self {
      case .none: 0
      case .graceful: 1
      case .forced: 2
      }
    }
  }

  /// `understudy vpg failover`.
  struct Failover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start the VMs at the recovery site, as of a checkpoint.",
      discussion: """
        Without a checkpoint the newest is taken. The protected VMs are left alone unless \
        --shutdown says otherwise. VMs that --vm does not name stay protected, in a VPG of their \
        own that is called after this one.
        """
    )

    @OptionGroup var operation: Operation
    @OptionGroup var point: VPGPoint
    @OptionGroup var ends: Ends

    @OptionGroup var choice: VMChoice

    @Option(help: "What happens to the protected VMs: none, graceful or forced.")
    var shutdown = Shutdown.none

    func run() async throws {
      let words = ends.words(operation.target.vpg)
      try await operation.perform("Failover", end: words) { client, path in
        var body = try await point.body(client, path)
        body["CommitPolicy"] = .number(Double(ends.ending.number))
        body["TimeToWaitBeforeShutdownInSec"] = .number(Double(ends.after))
        body["ShutdownPolicy"] = .number(Double(shutdown.number))
        body["IsReverseProtection"] = .bool(ends.reverse)
        try await choice.add(to: &body, of: operation, client)
        return body
      }
    }
  }

  /// `understudy vpg move`.
  struct Move: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shut the VMs down, and start them at the recovery site with nothing lost."
    )

    @OptionGroup var operation: Operation
    @OptionGroup var ends: Ends

    @Flag(help: "Cut the power of guests that do not shut down.")
    var force = false

    @Flag(help: "Remove the old VMs' definitions once committed; their disks stay.")
    var removeSource = false

    func run() async throws {
      let words = ends.words(operation.target.vpg)
      try await operation.perform("Move", end: words) { _, _ in
        [
          "CommitPolicy": .number(Double(ends.ending.number)),
          "CommitPolicyTimeout": .number(Double(ends.after)), "ForceShutdown": .bool(force),
          "ReverseProtection": .bool(ends.reverse),
          "KeepSourceVms": .bool(!removeSource && !ends.reverse),
        ]
      }
    }
  }

  /// `understudy vpg commit`.
  struct Commit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a failover or a move final."
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Flag(help: "Protect the recovered VMs towards where they came from.")
    var reverse = false

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        var body: JSON = [:]
        // Left out, what was said at the start holds.
        if reverse { body[vpg.isMoving ? "ReverseProtection" : "IsReverseProtection"] = true }
        let verb = vpg.isMoving ? "MoveCommit" : "FailoverCommit"
        let task = try await client.begin("\(vpg.path)/\(verb)", body)
        try await watch.follow(task, of: client)
      }
    }
  }

  /// `understudy vpg rollback`.
  struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Undo a failover or a move: the protected VMs go on as they were."
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        let verb = vpg.isMoving ? "moveRollback" : "FailoverRollback"
        let task = try await client.begin("\(vpg.path)/\(verb)")
        try await watch.follow(task, of: client)
      }
    }
  }
}

extension JSON {
  /// Whether a VPG is being moved, not failed over: its status is 6.
  fileprivate var isMoving: Bool { self["Status"].int == 6 }

  /// The path of a VPG in the API.
  var path: String { "/vpgs/" + (self["VpgIdentifier"].text ?? "") }
}
