// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import RESTClient

/// `understudy host`.
package struct HostCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "host",
    abstract: "The hosts of this site, and the VMs that are recovered on them.",
    subcommands: [List.self, Evacuate.self]
  )

  package init() {}

  /// `understudy host list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the hosts' appliances, and what each protects and recovers."
    )

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let appliances = try await manager.call { try await $0.get("/vras").elements }
      var table = TextTable("HOST", "APPLIANCE", "PROTECTS", "RECOVERS")
      for appliance in appliances {
        table.append(
          appliance["HostDisplayName"].text ?? "",
          appliance["VraName"].text ?? "",
          "\(Int(appliance["ProtectedCounters"]["Vms"].number ?? 0)) VMs",
          "\(Int(appliance["RecoveryCounters"]["Vms"].number ?? 0)) VMs"
        )
      }
      table.print()
    }
  }

  /// `understudy host evacuate`.
  struct Evacuate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have VMs that are recovered on a host recovered on others.",
      discussion: """
        Journals and replicas stay where they are, with all points; the appliance of another host \
        takes them over, so that host has to have their datastores at the same paths. Without \
        --vm all VMs go, each to the host whose appliance recovers the fewest.
        """
    )

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Argument(help: "The host's or its appliance's name.")
    var host: String

    @Option(help: "One VM, by name or identifier, that goes; can be given again.")
    var vm: [String] = []

    @Option(help: "The name of the host the VMs go to.")
    var to: String?

    func run() async throws {
      try await manager.call { client in
        let appliances = try await client.get("/vras").elements
        let name = try Self.appliance(host, appliances)["VraName"].text ?? ""
        let root = "/vras/\(name)/changerecoveryvra"
        var body: JSON = [:]
        if let allocations = try await allocations(client, root, appliances) {
          body["VmsAllocations"] = .array(allocations)
        }
        let task = try await client.post("\(root)/execute", body).text ?? ""
        try await watch.follow(task, of: client, end: "moved")
      }
    }

    /// The VMs and hosts that are named; nil leaves all to the manager.
    private func allocations(
      _ client: ZVMClient,
      _ root: String,
      _ appliances: [JSON]
    ) async throws -> [JSON]? {
      guard !vm.isEmpty || to != nil else { return nil }
      var wanted: [JSON] = []
      for name in vm { wanted.append(.text(try await client.protectedVM(name))) }
      let wish: JSON = ["VmsToCalculate": .array(wanted)]
      let target = try to.map { try Self.appliance($0, appliances)["HostIdentifier"] }
      return try await client.post("\(root)/recommendation", wish)["Recommendations"].elements
        .map { entry in
          let place = target ?? entry["HostIdentifier"]
          guard place.text != nil else {
            throw UsageError(
              "\(entry["VmIdentifier"].text ?? "") stays: \(entry["Reason"].text ?? "")."
            )
          }
          return ["VmIdentifier": entry["VmIdentifier"], "HostIdentifier": place]
        }
    }

    private static func appliance(_ name: String, _ appliances: [JSON]) throws -> JSON {
      let found = appliances.filter {
        $0["VraName"].text == name || $0["HostDisplayName"].text == name
      }
      guard let appliance = found.first, found.count == 1 else {
        throw UsageError(
          found.isEmpty
            ? "There is no host “\(name)” with an appliance."
            : "There are several hosts “\(name)” with an appliance."
        )
      }
      return appliance
    }
  }
}
