// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg create`.
  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Protect VMs: their disks are copied to the other site, and every write after.",
      discussion: """
        Where the recovery site has only one host, datastore, folder or network, it need not be \
        named. Everything else a VPG has is set through the REST API's vpgSettings.
        """
    )

    @Argument(help: "The VPG's name.")
    var name: String

    @Option(name: .customLong("vm"), help: "A VM to protect; may be given again.")
    var vms: [String]

    @Option(
      help: """
        The recovery site's name; may be left out if there is one peer. This site's own name has \
        the VMs recovered here, on another datastore.
        """
    )
    var to: String?

    @Option(help: "The host at the recovery site.")
    var host: String?

    @Option(help: "The datastore for replicas.")
    var datastore: String?

    @Option(help: "The folder for recovered VMs.")
    var folder: String?

    @Option(help: "The network of recovered VMs.")
    var network: String?

    @Option(help: "The network of test VMs; as --network if left out.")
    var testNetwork: String?

    @Option(help: "Hours of history that the journal keeps.")
    var hours: Int?

    @Option(help: "Low, Medium or High.")
    var priority: String?

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func validate() throws {
      guard !vms.isEmpty else { throw ValidationError("Name at least one --vm.") }
    }

    func run() async throws {
      try await manager.call { client in
        let local = try await client.get("/localsite")
        let here = local["SiteIdentifier"].text ?? ""
        let there = try await recoverySite(client, local: local)
        let settings = try await client.begin("/vpgSettings")
        let path = "/vpgSettings/\(settings)"
        do {
          try await client.put(
            path,
            try await filled(try await client.get(path), here, there, client)
          )
          let inventory = SiteInventory(client: client, site: here)
          for vm in vms {
            try await client.post(path + "/vms", ["VmIdentifier": try await inventory.vm(vm)])
          }
          try await watch.follow(
            try await client.begin(path + "/commit"),
            of: client,
            end: "“\(name)” is made: “understudy vpg show \(name)” shows its first sync"
          )
        } catch {
          // Settings that nobody commits would end with the session.
          _ = try? await client.delete(path)
          throw error
        }
      }
    }

    /// The site that `--to` names, this one too; without it, the only peer.
    private func recoverySite(_ client: ZVMClient, local: JSON) async throws -> String {
      let peers = try await client.get("/peersites").elements.map {
        (name: $0["PeerSiteName"].text ?? "", identifier: $0["SiteIdentifier"].text ?? "")
      }
      let own = (
        name: local["SiteName"].text ?? "", identifier: local["SiteIdentifier"].text ?? ""
      )
      let sites = peers + [own]
      let found = to.map { to in sites.filter { $0.name == to || $0.identifier == to } } ?? peers
      guard let only = found.first, found.count == 1 else {
        let names = sites.map(\.name).joined(separator: ", ")
        throw UsageError("Say with --to which site is the recovery site: \(names).")
      }
      return only.identifier
    }

    /// The blank settings with what the command line says.
    private func filled(
      _ blank: JSON,
      _ here: String,
      _ there: String,
      _ client: ZVMClient
    ) async throws -> JSON {
      let inventory = SiteInventory(client: client, site: there)
      let store = try await inventory.datastore(datastore)
      var settings = blank
      settings["Basic"]["Name"] = .text(name)
      settings["Basic"]["ProtectedSiteIdentifier"] = .text(here)
      settings["Basic"]["RecoverySiteIdentifier"] = .text(there)
      if let hours { settings["Basic"]["JournalHistoryInHours"] = .number(Double(hours)) }
      if let priority { settings["Basic"]["Priority"] = .text(priority) }
      settings["Recovery"]["DefaultHostIdentifier"] = try await inventory.host(host)
      settings["Recovery"]["DefaultDatastoreIdentifier"] = store
      settings["Recovery"]["DefaultFolderIdentifier"] = try await inventory.folder(folder)
      settings["Journal"]["DatastoreIdentifier"] = store
      let live = try await inventory.network(network)
      let test = testNetwork == nil ? live : try await inventory.network(testNetwork)
      settings["Networks"]["Failover"]["Hypervisor"]["DefaultNetworkIdentifier"] = live
      settings["Networks"]["FailoverTest"]["Hypervisor"]["DefaultNetworkIdentifier"] = test
      return settings
    }
  }
}
