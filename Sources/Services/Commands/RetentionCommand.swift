// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import Identity
internal import Manager
internal import Orchestration
internal import RESTClient
internal import RecoveryModel
internal import Store

/// `understudy retention`.
package struct RetentionCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "retention",
    abstract: "Keep copies of checkpoints for years, and make VMs of them.",
    discussion: """
      Log on at the manager of the recovery site. “password” reads the manager's own \
      configuration, on its host.
      """,
    subcommands: [
      Repositories.self, Add.self, Copy.self, Abort.self, Policy.self, Sets.self, Restore.self,
      AbortRestore.self, Delete.self, Password.self,
    ]
  )

  package init() {}

  /// `understudy retention repositories`.
  struct Repositories: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the repositories.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      try await manager.call { client in
        var table = TextTable("NAME", "DEFAULT", "USED GB", "FREE GB", "IDENTIFIER")
        for one in try await client.get("/ltr/repositories").elements {
          table.append(
            one["RepositoryName"].text ?? "",
            one["DefaultRepository"] == true ? "yes" : "no",
            one["UsedCapacityGB"].int.map(String.init) ?? "",
            one["FreeCapacityGB"].int.map(String.init) ?? "",
            one["RepositoryIdentifier"].text ?? ""
          )
        }
        table.print()
      }
    }
  }

  /// `understudy retention add`.
  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a repository, a folder or S3.",
      discussion: """
        A folder must be there, on every host that keeps journals; a share is mounted there first. \
        For S3 the secret key is the first line of standard input.
        """
    )

    @Argument(help: "The repository's name.")
    var name: String

    @Option(help: "The folder's absolute path.")
    var folder: String?

    @Option(help: "The address of the S3 server, such as https://s3.example.")
    var endpoint: String?

    @Option(help: "The bucket.")
    var bucket: String?

    @Option(help: "The S3 access key.")
    var accessKey: String?

    @Flag(help: "Copies go there from now on.")
    var isDefault = false

    @OptionGroup var manager: ManagerLogin

    func validate() throws {
      guard (folder == nil) != (bucket == nil) else {
        throw ValidationError("Give either --folder, or --bucket with --endpoint and --access-key.")
      }
    }

    func run() async throws {
      var body: JSON = ["RepositoryName": .text(name), "DefaultRepository": .bool(isDefault)]
      if let folder { body["Nfs"] = ["Path": .text(folder)] }
      if let bucket {
        body["S3-Compatible"] = [
          "S3BucketName": .text(bucket), "S3EndpointUrl": .text(endpoint ?? ""),
          "S3AccessKey": .text(accessKey ?? ""), "S3SecretKey": .text(readLine() ?? ""),
        ]
      }
      try await manager.call { client in _ = try await client.post("/ltr/repositories", body) }
      print("added; keep what “understudy retention password” prints where the site cannot burn")
    }
  }

  /// `understudy retention copy`.
  struct Copy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copy a VPG's checkpoint into its policy's repository, or the default one."
    )

    @OptionGroup var target: VPGCommand.Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "The checkpoint of this number; the latest if left out.")
    var checkpoint: UInt64?

    func run() async throws {
      try await manager.call { client in
        var body: JSON = [:]
        if let checkpoint { body["CheckpointId"] = .text("\(checkpoint)") }
        let path = "/ltr" + (try await target.path(client)) + "/retentionstart"
        try await watch.follow(try await client.begin(path, body), of: client)
      }
    }
  }

  /// `understudy retention abort`.
  struct Abort: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Abort a VPG's copy.")

    @OptionGroup var target: VPGCommand.Target
    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      try await manager.call { client in
        _ = try await client.post("/ltr" + (try await target.path(client)) + "/retentionabort")
      }
    }
  }

  /// `understudy retention sets`.
  struct Sets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the retention sets.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      try await manager.call { client in
        var table = TextTable("VPG", "AS OF", "ADDED KB", "LOCKED UNTIL", "REPOSITORY", "SET")
        let answer = try await client.get("/ltr/catalog/fullretentionsets")
        for set in answer["RetentionSets"].elements {
          table.append(
            set["Vpg"]["Name"].text ?? "",
            set["PointInTime"].text ?? "",
            set["SizeInKB"].int.map(String.init) ?? "",
            lock(set["RetentionSetImmutability"]),
            set["Repository"]["Name"].text ?? "",
            set["RetentionSetIdentifier"].text ?? ""
          )
        }
        table.print()
      }
    }

    private func lock(_ immutability: JSON) -> String {
      guard let state = immutability["ImmutabilityState"].text else { return "not known" }
      return immutability["ImmutabilityExpiryTime"].text
        .map { state == "Immutable" ? $0 : "\($0) (over)" } ?? "not locked"
    }
  }

  /// `understudy retention restore`.
  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new VM of a retention set, which is off."
    )

    @Argument(help: "The set, as “sets” shows it.")
    var set: String

    @Option(help: "The VM's name, or its identifier.")
    var vm: String

    @Option(help: "The identifier of the host to restore to.")
    var host: String?

    @Option(help: "The identifier of the datastore to restore to.")
    var datastore: String?

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { client in
        let vms = try await client.get("/ltr/catalog/vms")["Vms"].elements.map { $0["Vm"] }
        let found = vms.first { $0["Name"].text == vm || $0["Identifier"].text == vm }
        guard let identifier = found?["Identifier"].text else {
          throw UsageError(try await reasonForNoSet(client))
        }
        var body: JSON = [
          "RetentionSetIdentifier": .text(set), "VmIdentifier": .text(identifier),
        ]
        if let host { body["HostIdentifier"] = .text(host) }
        if let datastore { body["DatastoreIdentifier"] = .text(datastore) }
        try await watch.follow(try await client.begin("/ltr/restore/vm", body), of: client)
      }
    }

    /// The sets of a VM are kept where it is recovered.
    private func reasonForNoSet(_ client: ZVMClient) async throws -> String {
      let here = try await client.get("/localsite")["SiteName"].text
      let sites = Set(
        try await client.get("/vms").elements
          .filter { $0["VmName"].text == vm || $0["VmIdentifier"].text == vm }
          .compactMap { $0["TargetSite"].text }
      )
      guard !sites.isEmpty, !sites.contains(where: { $0 == here }) else {
        return "No retention set has a VM “\(vm)”."
      }
      return "Retention sets of the VM “\(vm)” are kept at its recovery site, "
        + sites.sorted().joined(separator: " or ") + ": ask the manager there."
    }
  }

  /// `understudy retention abort-restore`.
  struct AbortRestore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "abort-restore",
      abstract: "Abort a restore; nothing of its VM is left."
    )

    @Argument(help: "The task of the restore.")
    var task: String

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { client in
        try await watch.follow(try await client.begin("/ltr/restore/\(task)/abort"), of: client)
      }
    }
  }

  /// `understudy retention delete`.
  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete a retention set.")

    @Argument(help: "The set, as “sets” shows it.")
    var set: String

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      try await manager.call { client in
        let body: JSON = ["RetentionSetsToDelete": [["FullRetentionSetIdentifier": .text(set)]]]
        _ = try await client.post("/ltr/catalog/deleteretentionsets", body)
      }
    }
  }

  /// `understudy retention password`.
  struct Password: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a repository's password, without which nobody reads it."
    )

    @Option(help: "The manager's configuration file.")
    var config: String

    @Argument(help: "The repository's name.")
    var name: String

    func run() async throws {
      let configuration = try ManagerConfiguration(contentsOfFile: config)
      let authority = try SiteAuthority.loadOrCreate(
        in: configuration.authorityFolder,
        site: configuration.siteIdentifier,
        name: configuration.siteName
      )
      let box = try authority.secretBox()
      try await ManagerStore.use(of: configuration) { store in
        guard let found = try await store.repositories().first(where: { $0.name == name }) else {
          throw UsageError("There is no repository “\(name)”.")
        }
        try await AuditCommand.note("retention password \(name)", in: store)
        print(try RepositorySecrets.open(found, with: box).password)
      }
    }
  }
}
