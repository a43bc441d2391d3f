// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg bisect`.
  struct Bisect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Find the last checkpoint whose VMs pass a check.",
      discussion: """
        Each probe is a failover test of one checkpoint, in the test networks, that is thrown away \
        as soon as its VMs pass or their time is up. If files are named, the point is looked at as \
        “understudy file” does, and nothing is started. It takes for granted that what went wrong \
        stays wrong. Log on at the manager of the recovery site.
        """
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "The VMs pass if this address answers an HTTP GET with a status below 400.")
    var http: String?

    @Flag(help: "The VMs pass only if the guest agent of each comes up.")
    var agent = false

    @Option(help: "The VMs pass only if this script of the site's repository ends with status 0.")
    var script: String?

    @Option(help: "What the script is given as its arguments.")
    var scriptParameters: String?

    @OptionGroup var files: FileConditions

    @Option(help: "How long each point has to pass, in seconds.")
    var timeout = 300

    @Option(help: "Begin with the checkpoint of this number.")
    var oldest: UInt64?

    @Option(help: "End with the checkpoint of this number.")
    var newest: UInt64?

    @Flag(help: "Show the search under way, or the last one.")
    var show = false

    @Flag(help: "Abort the search under way.")
    var abort = false

    func validate() throws {
      let isChecked = http != nil || agent || script != nil || !files.isEmpty
      guard show || abort || isChecked else {
        throw ValidationError(
          "Give a check: --http, --agent, --file, --script, or several of them."
        )
      }
      guard scriptParameters == nil || script != nil else {
        throw ValidationError("--script-parameters are those of a --script.")
      }
      guard !(show && abort) else { throw ValidationError("--show or --abort, not both.") }
    }

    func run() async throws {
      try await manager.call { client in
        let path = try await target.path(client) + "/pointsearch"
        if show { return Self.print(try await client.get(path)) }
        if abort {
          guard let task = try await client.delete(path).text else { return }
          return try await watch.follow(task, of: client)
        }
        var body = body
        if !files.isEmpty {
          let vpg = try await target.find(client)
          let vm = try await VPGMembers(of: vpg, client).identifier(ofOnly: files.vm)
          body["Files"] = .array(files.conditions(of: vm))
        }
        let task = try await client.begin(path, body)
        try await watch.follow(task, of: client)
        if !watch.leaves { Self.print(try await client.get(path)) }
      }
    }

    private var body: JSON {
      var body: JSON = [
        "NeedsGuestAgent": .bool(agent), "TimeoutInSeconds": .number(Double(timeout)),
      ]
      if let http { body["Url"] = .text(http) }
      if let script { body["Script"] = .text(script) }
      if let scriptParameters { body["ScriptParameters"] = .text(scriptParameters) }
      if let oldest { body["OldestCheckpointIdentifier"] = .text("\(oldest)") }
      if let newest { body["NewestCheckpointIdentifier"] = .text("\(newest)") }
      return body
    }

    private static func print(_ search: JSON) {
      var table = TextTable("CHECKPOINT", "TIME", "PASSED", "FOUND")
      for probe in search["Probes"].elements {
        table.append(
          probe["Checkpoint"]["CheckpointIdentifier"].text ?? "",
          probe["Checkpoint"]["TimeStamp"].text ?? "",
          probe["HasPassed"] == true ? "yes" : "no",
          probe["Finding"].text ?? ""
        )
      }
      table.print()
      let summary = search["Summary"].text ?? ""
      Swift.print(
        summary.isEmpty
          ? "probe \(search["Probes"].elements.count + 1) of at most "
            + "\(search["MostProbes"].int ?? 0) is under way" : summary
      )
    }
  }
}
