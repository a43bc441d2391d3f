// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import RESTClient

/// `understudy tap`.
package struct TapCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "tap",
    abstract: "Leave disks of protected VMs to other tools for a while.",
    discussion: """
      While a VM is protected, QEMU refuses snapshots and backups by other tools. Suspended taps \
      come back by themselves when the time is over.
      """,
    subcommands: [Suspend.self, Resume.self, List.self]
  )

  package init() {}

  /// Prints what is suspended.
  static func show(_ suspended: [JSON]) {
    if suspended.isEmpty { print("no tap is suspended") }
    for one in suspended {
      let disk = one["VolumeIdentifier"].text ?? ""
      let words = disk.isEmpty ? "all disks" : disk
      let state = one["IsFree"] == true ? "free" : "not free yet"
      print("\(one["VmName"].text ?? ""), \(words): until \(one["Until"].text ?? ""), \(state)")
    }
  }

  /// What is meant.
  struct Target: ParsableArguments {
    @Option(help: "The VM's name or identifier.")
    var vm: String?

    @Option(help: "The host's identifier: all its protected VMs.")
    var host: String?

    @Option(help: "One disk of the VM, such as vda.")
    var disk: String?

    func validate() throws {
      guard (vm == nil) != (host == nil), disk == nil || vm != nil else {
        throw ValidationError("Name either a VM, with or without a disk, or a host.")
      }
    }

    /// The API's words for it.
    func body(_ client: ZVMClient) async throws -> JSON {
      var body: JSON = [:]
      if let host { body["HostIdentifier"] = .text(host) }
      if let disk { body["Disk"] = .text(disk) }
      if let vm { body["VmIdentifier"] = .text(try await client.protectedVM(vm)) }
      return body
    }
  }

  /// `understudy tap suspend`.
  struct Suspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Free disks, and wait until they are free."
    )

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var target: Target

    @Option(help: "For how long, 1 to 1440.")
    var minutes: Int

    func run() async throws {
      TapCommand.show(
        try await manager.call { client in
          var body = try await target.body(client)
          body["Minutes"] = .number(Double(minutes))
          return try await client.post("/tapsuspensions", body).elements
        }
      )
    }
  }

  /// `understudy tap resume`.
  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have taps come back before their time."
    )

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var target: Target

    func run() async throws {
      TapCommand.show(
        try await manager.call { client in
          try await client.delete("/tapsuspensions", try await target.body(client))
          return try await client.get("/tapsuspensions").elements
        }
      )
    }
  }

  /// `understudy tap list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what is suspended.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      TapCommand.show(try await manager.call { try await $0.get("/tapsuspensions").elements })
    }
  }
}

extension ZVMClient {
  /// The identifier of the one protected VM of that name or identifier.
  func protectedVM(_ vm: String) async throws -> String {
    let machines = try await get("/vms").elements.filter {
      $0["VmName"].text == vm || $0["VmIdentifier"].text == vm
    }
    let found = Set(machines.compactMap { $0["VmIdentifier"].text })
    guard let machine = found.first, found.count == 1 else {
      throw UsageError(
        found.isEmpty
          ? "There is no protected VM “\(vm)”."
          : "There are several protected VMs “\(vm)”: name one by its identifier."
      )
    }
    return machine
  }
}
