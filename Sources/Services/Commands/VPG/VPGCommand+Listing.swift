// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the VPGs.")

    @OptionGroup var manager: ManagerLogin

    @Flag(help: "Print the API's JSON.")
    var json = false

    func run() async throws {
      let answer = try await manager.call { try await $0.get("/vpgs") }
      guard !json else { return try TextTable.print(json: answer) }
      var table = TextTable("NAME", "STATUS", "DETAIL", "RPO", "VMS", "FROM", "TO")
      for vpg in answer.elements {
        table.append(
          vpg["VpgName"].text ?? "",
          vpg["StatusDescription"].text ?? "",
          vpg["SubStatusDescription"].text ?? "",
          VPGCommand.rpo(of: vpg),
          "\(vpg["VmsCount"].int ?? 0)",
          vpg["ProtectedSiteName"].text ?? vpg["SourceSite"].text ?? "",
          vpg["RecoverySiteName"].text ?? vpg["TargetSite"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy vpg show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one VPG and its VMs.")

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin

    @Flag(help: "Print the API's JSON.")
    var json = false

    func run() async throws {
      let (vpg, vms) = try await manager.call { client in
        let vpg = try await target.find(client)
        let vms = try await client.get("/vms").elements.filter {
          $0["VpgIdentifier"].text == vpg["VpgIdentifier"].text
        }
        return (vpg, vms)
      }
      guard !json else { return try TextTable.print(json: vpg) }
      let history = vpg["HistoryStatusApi"]
      for (name, value) in [
        ("name", vpg["VpgName"].text), ("identifier", vpg["VpgIdentifier"].text),
        ("status", vpg["StatusDescription"].text), ("detail", vpg["SubStatusDescription"].text),
        ("progress", vpg["ProgressPercentage"].int.map { "\($0) %" }),
        ("RPO", VPGCommand.rpo(of: vpg)),
        ("from", vpg["ProtectedSiteName"].text ?? vpg["SourceSite"].text),
        ("to", vpg["RecoverySiteName"].text ?? vpg["TargetSite"].text),
        ("oldest checkpoint", history["EarliestCheckpoint"]["TimeStamp"].text),
        ("last test", vpg["LastTest"].text),
      ] {
        guard let value, !value.isEmpty else { continue }
        print("\(name): \(value)")
      }
      var table = TextTable("VM", "RPO", "IOPS", "JOURNAL MB")
      for vm in vms {
        table.append(
          vm["VmName"].text ?? "",
          VPGCommand.rpo(of: vm),
          "\(vm["IOPs"].int ?? 0)",
          "\(vm["JournalUsedStorageMb"].int ?? 0)"
        )
      }
      table.print()
    }
  }

  /// `understudy vpg checkpoints`.
  struct Checkpoints: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List a VPG's checkpoints, oldest first."
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin

    @Option(help: "Only the newest so many.")
    var last = 20

    @Flag(help: "Only those with a tag.")
    var tagged = false

    func validate() throws {
      guard last > 0 else { throw ValidationError("--last is at least 1.") }
    }

    func run() async throws {
      let checkpoints = try await manager.call { client in
        try await client.get(try await target.path(client) + "/checkpoints").elements
      }
      var table = TextTable("CHECKPOINT", "TIME", "VSS", "TAG")
      for one in checkpoints.filter({ !tagged || $0["Tag"].text?.isEmpty == false }).suffix(last) {
        table.append(
          one["CheckpointIdentifier"].text ?? "",
          one["TimeStamp"].text ?? "",
          one["Vss"] == true ? "yes" : "no",
          one["Tag"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy vpg exposure`.
  struct Exposure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what would be lost if the protected site were gone now."
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let exposure = try await manager.call { client in
        try await client.get(try await target.path(client) + "/exposure")
      }
      var table = TextTable("VM", "WRITES", "BYTES", "OLDEST")
      for vm in exposure["Vms"].elements { table.append(vm["VmName"].text ?? "", vm["Loss"]) }
      table.append("all together", exposure["Loss"])
      table.print()
      let time = exposure["LatestCheckpoint"]["TimeStamp"].text
      print("newest checkpoint: \(time ?? "none")")
    }
  }

  /// The RPO of a VPG or a VM in words; the API has -1 for one that is not known.
  static func rpo(of subject: JSON) -> String {
    guard let seconds = subject["ActualRPO"].int, seconds >= 0 else { return "unknown" }
    return "\(seconds) s"
  }
}

extension TextTable {
  /// A row of the API's `LossApi`; what cannot be said is what came after the newest checkpoint.
  fileprivate mutating func append(_ name: String, _ loss: JSON) {
    guard let writes = loss["Writes"].int else {
      return append(name, "all since the newest checkpoint", "", "")
    }
    let age = loss["OldestWriteAgeInMilliseconds"].int ?? 0
    append(name, "\(writes)", "\(loss["Bytes"].int ?? 0)", "\(age) ms")
  }
}
