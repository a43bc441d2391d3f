// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg edit`.
  struct Edit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change a VPG: add and remove VMs, and change what applies to all of them.",
      discussion: """
        The other VMs stay protected. What is not named stays as it is. Everything else a VPG has \
        is changed through the REST API's vpgSettings.
        """
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "A new name.")
    var name: String?

    @Option(name: .customLong("add-vm"), help: "A VM to protect too; may be given again.")
    var added: [String] = []

    @Option(name: .customLong("remove-vm"), help: "A VM to leave out; may be given again.")
    var removed: [String] = []

    @Option(help: "Hours of history that the journal keeps.")
    var hours: Int?

    @Option(help: "Low, Medium or High.")
    var priority: String?

    @Option(help: "The RPO in seconds beyond which there is an alert.")
    var rpo: Int?

    @Option(help: "The network of recovered VMs.")
    var network: String?

    @Option(help: "The network of test VMs.")
    var testNetwork: String?

    @Option(help: "The datastore of replicas that have none of their own; they are moved there.")
    var datastore: String?

    @Option(help: "The datastore of journals that have none of their own; they are moved there.")
    var journalDatastore: String?

    func validate() throws {
      let texts = [name, priority, network, testNetwork, datastore, journalDatastore].compactMap(
        \.self
      )
      let numbers = [hours, rpo].compactMap(\.self)
      guard !(texts.isEmpty && numbers.isEmpty && added.isEmpty && removed.isEmpty) else {
        throw ValidationError("Say what to change.")
      }
    }

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        let settings = try await client.begin(
          "/vpgSettings",
          ["VpgIdentifier": vpg["VpgIdentifier"]]
        )
        let path = "/vpgSettings/\(settings)"
        do {
          try await change(path, vpg, client)
          try await watch.follow(try await client.begin(path + "/commit"), of: client)
        } catch {
          // Settings that nobody commits would end with the session.
          _ = try? await client.delete(path)
          throw error
        }
      }
    }

    private func change(_ path: String, _ vpg: JSON, _ client: ZVMClient) async throws {
      let inventory = SiteInventory(
        client: client,
        site: vpg["RecoverySite"]["identifier"].text ?? ""
      )
      var settings = try await client.get(path)
      if let name { settings["Basic"]["Name"] = .text(name) }
      if let hours { settings["Basic"]["JournalHistoryInHours"] = .number(Double(hours)) }
      if let priority { settings["Basic"]["Priority"] = .text(priority) }
      if let rpo { settings["Basic"]["RpoInSeconds"] = .number(Double(rpo)) }
      if let datastore {
        settings["Recovery"]["DefaultDatastoreIdentifier"] =
          try await inventory.datastore(datastore)
      }
      if let journalDatastore {
        settings["Journal"]["DatastoreIdentifier"] =
          try await inventory.datastore(journalDatastore)
      }
      for (member, wish) in [("Failover", network), ("FailoverTest", testNetwork)] {
        guard let wish else { continue }
        settings["Networks"][member]["Hypervisor"]["DefaultNetworkIdentifier"] =
          try await inventory.network(wish)
      }
      try await client.put(path, settings)

      let members = try await VPGMembers(of: vpg, client)
      for vm in removed {
        try await client.delete(path + "/vms/\(try members.identifier(of: vm))")
      }
      let source = SiteInventory(
        client: client,
        site: vpg["ProtectedSite"]["identifier"].text ?? ""
      )
      for vm in added {
        try await client.post(path + "/vms", ["VmIdentifier": try await source.vm(vm)])
      }
    }
  }
}
