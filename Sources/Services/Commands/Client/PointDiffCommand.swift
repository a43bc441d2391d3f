// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension PointCommand {
  /// `understudy point diff`.
  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "Show which bytes, or files, of a VM were written between two checkpoints.",
      discussion: """
        Bytes are read from the journal's index; no data is. With “--files” both points are opened \
        as “understudy file” does, their file systems are compared, and both are closed. Log on at \
        the manager of the recovery site. “understudy vpg checkpoints” lists the checkpoints.
        """
    )

    @Option(help: "The VM's name or identifier.")
    var vm: String

    @Option(help: "The VPG's name or identifier, if the VM is in several.")
    var vpg: String?

    @Option(help: "The number of the earlier checkpoint.")
    var from: UInt64

    @Option(help: "The number of the later checkpoint.")
    var to: UInt64

    @Flag(help: "Show every extent: its first byte, and how many.")
    var extents = false

    @Flag(help: "Show which files were added (+), removed (-) or changed (~).")
    var files = false

    @Option(help: "Compare the files below this folder alone, such as /vda1/etc.")
    var under: String?

    @OptionGroup var manager: ManagerLogin

    func validate() throws {
      guard !files || !extents else { throw ValidationError("--files or --extents, not both.") }
      guard files || under == nil else { throw ValidationError("--under goes with --files.") }
    }

    func run() async throws {
      try await manager.call { client in
        let machine = try await client.protectedVM(vm)
        var group: JSON?
        if let vpg { group = try await VPGCommand.find(vpg, client)["VpgIdentifier"] }
        if files {
          return try await FileDifference(client: client, vm: machine, vpg: group)
            .show(from: "\(from)", to: "\(to)", under: under ?? "/")
        }
        var query = "fromCheckpoint=\(from)&toCheckpoint=\(to)"
        if let group = group?.text { query += "&vpgIdentifier=\(group)" }
        let path = "/vms/\(machine)/pointsInTime/difference?\(query)&firstExtent="
        var first = 0
        while true {
          let answer = try await client.get(path + "\(first)&extentCount=\(extents ? 1000 : 0)")
          if first == 0 { summarise(answer) }
          guard extents else { return }
          first += 1000
          answer["Disks"].elements.forEach(show)
          let rest = answer["Disks"].elements.contains { ($0["ExtentCount"].int ?? 0) > first }
          guard rest else { return }
        }
      }
    }

    private func summarise(_ answer: JSON) {
      var table = TextTable("DISK", "SIZE", "WRITTEN", "EXTENTS", "VOLUME")
      for disk in answer["Disks"].elements {
        table.append(
          disk["Target"].text ?? "",
          "\(disk["SizeInBytes"].int ?? 0)",
          "\(disk["ChangedInBytes"].int ?? 0)",
          "\(disk["ExtentCount"].int ?? 0)",
          disk["VolumeIdentifier"].text ?? ""
        )
      }
      table.print()
    }

    private func show(_ disk: JSON) {
      for extent in disk["Extents"].elements {
        print(
          disk["Target"].text ?? "",
          extent["OffsetInBytes"].int ?? 0,
          extent["LengthInBytes"].int ?? 0
        )
      }
    }
  }
}
