// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import RESTClient

/// `understudy file`: single files of a VM as they were at a checkpoint.
package struct FileCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "file",
    abstract: "Browse and fetch a VM's files as they were at a checkpoint.",
    discussion: """
      Log on at the manager of the recovery site. “open” prints the name of a session, which the \
      others take; it ends by itself when nobody has used it for 15 minutes.
      """,
    subcommands: [Open.self, Sessions.self, List.self, Fetch.self, Close.self]
  )

  package init() {}

  /// `understudy file open`.
  struct Open: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Open a VM's file systems as of a checkpoint, the newest if none is named."
    )

    @OptionGroup var target: VPGCommand.Target
    @OptionGroup var point: VPGPoint
    @OptionGroup var manager: ManagerLogin

    @Option(help: "The VM; may be left out if the VPG has one.")
    var vm: String?

    func run() async throws {
      try await manager.call { client in
        let vpg = try await target.find(client)
        var checkpoint = try await point.resolve(client, vpg.path)
        if checkpoint == nil { checkpoint = try await newest(client, vpg.path) }
        let session = try await client.openFiles(
          of: try await VPGMembers(of: vpg, client).identifier(ofOnly: vm),
          in: vpg["VpgIdentifier"],
          at: checkpoint ?? ""
        )
        try await client.mountedFiles(session)
        print(session)
      }
    }

    private func newest(_ client: ZVMClient, _ path: String) async throws -> String {
      let all = try await client.get(path + "/checkpoints").elements
      guard let identifier = all.last?["CheckpointIdentifier"].text else {
        throw UsageError("The VPG has no checkpoint yet.")
      }
      return identifier
    }
  }

  /// `understudy file sessions`.
  struct Sessions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the sessions that are open.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let sessions = try await manager.call { try await $0.get("/flrs").elements }
      var table = TextTable("SESSION", "STATUS", "SINCE", "VM")
      for one in sessions {
        table.append(
          one["FlrSessionIdentifier"].text ?? "",
          one["FlrSessionStatus"].text ?? "",
          one["MountTime"].text ?? "",
          one["VmIdentifier"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// A session, and a path in it.
  struct Place: ParsableArguments {
    @Argument(help: "The session, as “open” printed it.")
    var session: String

    @Argument(help: "The path, which begins with the file system, such as /vda1/etc.")
    var path = "/"
  }

  /// `understudy file list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List a folder.")

    @OptionGroup var place: Place
    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      var table = TextTable("BYTES", "WRITTEN", "WHAT", "PATH")
      try await manager.call { client in
        var page = 1
        while true {
          let entries = try await client.post(
            "/flrs/\(place.session)/browse",
            [
              "Path": .text(place.path), "PageNumber": .number(Double(page)), "PageSize": 1000,
            ]
          )["PathItems"].elements
          for one in entries {
            table.append(
              one["SizeInBytes"].int.map(String.init) ?? "",
              one["LastWriteTime"].text ?? "",
              one["Type"].text ?? "",
              Terminal.plain(one["Path"].text ?? "")
            )
          }
          guard entries.count == 1000 else { break }
          page += 1
        }
      }
      table.print()
    }
  }

  /// `understudy file fetch`.
  struct Fetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetch a file as it is, or a folder as a tar archive."
    )

    @OptionGroup var place: Place
    @OptionGroup var manager: ManagerLogin

    @Option(help: "The file to write, which must not be there; “-” is standard output.")
    var to: String

    func run() async throws {
      let query = place.path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      let path = "/flrs/\(place.session)/download?path=\(query)"
      guard to != "-" else {
        return try await manager.call { try await $0.download(path, into: .standardOutput) }
      }
      // Beside its place until it is whole: a part never passes for the file.
      let part = to + ".part"
      guard !FileManager.default.fileExists(atPath: to) else {
        throw UsageError("\(to) is there already.")
      }
      guard FileManager.default.createFile(atPath: part, contents: nil),
        let file = FileHandle(forWritingAtPath: part)
      else { throw UsageError("\(part) cannot be written.") }
      do {
        try await manager.call { try await $0.download(path, into: file) }
        try file.close()
        try FileManager.default.moveItem(atPath: part, toPath: to)
      } catch {
        try? FileManager.default.removeItem(atPath: part)
        throw error
      }
      print("fetched \(to)")
    }
  }

  /// `understudy file close`.
  struct Close: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a session.")

    @Argument(help: "The session, as “open” printed it.")
    var session: String

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      try await manager.call { _ = try await $0.delete("/flrs/\(session)") }
    }
  }
}

extension ZVMClient {
  /// Begins a session for the files of a VM; it mounts after the answer.
  func openFiles(
    of vm: String,
    in vpg: JSON? = nil,
    at checkpoint: String
  ) async throws -> String {
    var wish: JSON = ["CheckpointIdentifier": .text(checkpoint), "VmIdentifier": .text(vm)]
    if let vpg { wish["VpgIdentifier"] = vpg }
    return try await begin("/flrs", ["jflr": wish])
  }

  /// Waits until a session can be browsed.
  func mountedFiles(_ session: String) async throws {
    while true {
      let found = try await get("/flrs/\(session)").elements.first
      switch found?["FlrSessionStatus"].text {
      case "MountInProgress": try await Task.sleep(for: .milliseconds(300))
      case "MountCompletedSuccessfully": return
      default:
        // Browsing it says why.
        _ = try await post("/flrs/\(session)/browse")
        throw UsageError("The session \(session) has ended.")
      }
    }
  }
}
