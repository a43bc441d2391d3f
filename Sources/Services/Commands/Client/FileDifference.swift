// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RESTClient

/// The files of a VM that are not the same at two checkpoints, as a person reads them.
struct FileDifference {
  private static let pageSize = 1000

  let client: ZVMClient
  /// The VM's identifier.
  let vm: String
  /// The VPG's identifier, if the VM is in several.
  let vpg: JSON?

  /// Opens both points, compares them, prints what is different and closes them.
  func show(from earlier: String, to later: String, under folder: String) async throws {
    var sessions: [String] = []
    let outcome: Result<Void, any Error>
    do {
      for point in [earlier, later] {
        sessions.append(try await client.openFiles(of: vm, in: vpg, at: point))
      }
      for session in sessions { try await client.mountedFiles(session) }
      try await compare(sessions[0], sessions[1], folder)
      outcome = .success(())
    } catch { outcome = .failure(error) }
    for session in sessions { _ = try? await client.delete("/flrs/\(session)") }
    try outcome.get()
  }

  private func compare(_ before: String, _ after: String, _ folder: String) async throws {
    let path = "/flrs/\(after)/comparison"
    _ = try await client.post(
      path,
      ["FromSessionIdentifier": .text(before), "Path": .text(folder)]
    )
    var answer = try await client.get(path + "?changeCount=0")
    while answer["IsDone"] != true {
      try await Task.sleep(for: .milliseconds(300))
      answer = try await client.get(path + "?changeCount=0")
    }
    let listed = answer["ListedCount"].int ?? 0
    for first in stride(from: 0, to: listed, by: Self.pageSize) {
      let page = try await client.get(path + "?firstChange=\(first)&changeCount=\(Self.pageSize)")
      for change in page["Changes"].elements { print(Self.line(change)) }
    }
    summarise(answer, listed)
  }

  private func summarise(_ answer: JSON, _ listed: Int) {
    var table = TextTable("FILE SYSTEM", "ADDED", "REMOVED", "CHANGED")
    var total = 0
    for system in answer["FileSystems"].elements {
      let counts = ["Added", "Removed", "Changed"].map { system[$0].int ?? 0 }
      total += counts.reduce(0, +)
      table.append(system["Name"].text ?? "", "\(counts[0])", "\(counts[1])", "\(counts[2])")
    }
    table.print()
    for problem in answer["Problems"].elements {
      print("not compared: \(Terminal.plain(problem.text ?? ""))")
    }
    if listed < total {
      print("\(listed) of \(total) changes are listed: name a folder with --under to see others.")
    }
  }

  /// `~ /vda1/etc/hosts  Size 220 -> 241, Modified`.
  static func line(_ change: JSON) -> String {
    let path = Terminal.plain(change["Path"].text ?? "")
    let mark =
      switch change["Change"].text {
      case "Added": "+"
      case "Removed": "-"
      default: "~"
      }
    let details = change["Different"].elements.compactMap(\.text).map { aspect in
      let member = members[aspect] ?? aspect
      let (old, new) = (change["Before"][member], change["After"][member])
      guard let old = shown(old), let new = shown(new), old != new else { return aspect }
      return "\(aspect) \(old) -> \(new)"
    }
    return "\(mark) \(path)" + (details.isEmpty ? "" : "  " + details.joined(separator: ", "))
  }

  /// Where an answer has what an aspect is about.
  private static let members = [
    "Kind": "Type", "Size": "SizeInBytes", "Modified": "LastWriteTime", "Owner": "UserNumber",
  ]

  private static func shown(_ value: JSON) -> String? {
    value.text.map(Terminal.plain) ?? value.int.map(String.init)
  }
}
