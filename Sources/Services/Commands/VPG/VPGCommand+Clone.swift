// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg clone`.
  struct Clone: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copy the VMs as of a checkpoint to new ones, which stay off.",
      discussion: """
        Without a checkpoint the newest is taken. Protection goes on meanwhile. A clone belongs to \
        you: Understudy forgets it when it is made.
        """
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch
    @OptionGroup var point: VPGPoint

    @Option(help: "The datastore for the clones' disks; each VM's own if left out.")
    var datastore: String?

    @Option(name: .customLong("vm"), help: "Clone this VM alone; may be given again.")
    var vms: [String] = []

    @Flag(help: "Undo the clone that is being made.")
    var abort = false

    func validate() throws {
      guard !abort || (vms.isEmpty && datastore == nil && point.isNewest) else {
        throw ValidationError("--abort takes no other option.")
      }
    }

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        let task = try await client.begin(
          vpg.path + (abort ? "/CloneAbort" : "/CloneStart"),
          abort ? [:] : try await body(vpg, client)
        )
        try await watch.follow(task, of: client)
      }
    }

    private func body(_ vpg: JSON, _ client: ZVMClient) async throws -> JSON {
      var body = try await point.body(client, vpg.path)
      if let datastore {
        let site = vpg["RecoverySite"]["identifier"].text ?? ""
        body["DatastoreIdentifier"] = try await SiteInventory(client: client, site: site)
          .datastore(datastore)
      }
      let members = try await VPGMembers(of: vpg, client)
      body["VmIdentifiers"] = .array(try vms.map { .text(try members.identifier(of: $0)) })
      return body
    }
  }
}
