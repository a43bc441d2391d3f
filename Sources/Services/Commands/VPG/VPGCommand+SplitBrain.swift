// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension VPGCommand {
  /// `understudy vpg resolve`.
  struct Resolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what each choice loses while both sites act for a VPG, and choose one.",
      discussion: """
        Without --keep nothing is changed. With it the other site gives its VMs up, and what they \
        wrote since the sites parted is lost.
        """
    )

    @OptionGroup var target: Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "The site whose VMs count from now on, by name or identifier.")
    var keep: String?

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        let path = "/vpgs/" + (vpg["VpgIdentifier"].text ?? "") + "/splitbrain"
        let found = try await client.get(path)
        guard let keep else { return show(found) }
        let choice = found["Choices"].elements.first {
          $0["SiteName"].text == keep || $0["SiteIdentifier"].text == keep
        }
        if let choice { print(choice["Consequence"].text ?? "") }
        let site = choice?["SiteIdentifier"].text ?? Self.site(keep, of: vpg)
        let task = try await client.begin(path, ["KeepSiteIdentifier": .text(site)])
        try await watch.follow(task, of: client)
      }
    }

    /// The identifier of a site that is none of the choices, so that the manager can say why.
    private static func site(_ keep: String, of vpg: JSON) -> String {
      for (name, link) in [("SourceSite", "ProtectedSite"), ("TargetSite", "RecoverySite")]
      where vpg[name].text == keep {
        return vpg[link]["identifier"].text ?? keep
      }
      return keep
    }

    private func show(_ found: JSON) {
      let choices = found["Choices"].elements
      if choices.isEmpty { return print("The VPG has no split brain.") }
      for choice in choices {
        print("--keep \(choice["SiteName"].text ?? ""): \(choice["Consequence"].text ?? "")")
      }
    }
  }
}
