// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

/// A datastore of paris with a file system of its own.
///
/// Each of the site's daemons has mounts of its own; the file system is one.
struct LabDatastore {
  private static let ballast = "ballast"

  let folder: String
  let identifier: String
  /// The file that the file system is in.
  var image: String { "\(folder).img" }
  private let name: String
  private let libvirt: SiteLibvirt
  private let device: String
  private let daemons: [Int32]

  /// `size` is truncate(1)'s.
  init(_ bench: WithstandBench, name: String, size: String) async throws {
    let paris = bench.paris
    self.name = name
    folder = "\(paris.folder)/\(name)"
    libvirt = bench.libvirt(of: paris)
    daemons = [
      try bench.libvirtd(of: paris), try bench.supervisor(of: paris),
      try #require(bench.daemons(of: paris).manager.processIdentifier),
    ]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let image = "\(folder).img"
    try await Program.run(["truncate", "-s", size, image])
    try await Program.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image])
    device = try await Program.run(["losetup", "--find", "--show", image])
      .trimmingCharacters(in: .whitespacesAndNewlines)
    for daemon in daemons {
      try await Program.run(["nsenter", "-t", "\(daemon)", "-m", "mount", device, folder])
    }
    _ = try await libvirt.virsh(["pool-define-as", name, "dir", "--target", folder])
    _ = try await libvirt.virsh(["pool-start", name])
    identifier = try await Self.identifier(of: name, bench)
  }

  /// The datastore of that name at paris, as clients call it.
  static func identifier(of name: String, _ bench: WithstandBench) async throws -> String {
    try await bench.ask(bench.paris) { client in
      let site = "\(bench.paris.identifier)"
      let all = try await client.get("/virtualizationsites/\(site)/datastores").elements
      let own = try #require(all.first { $0["DatastoreName"].text == name })
      return try #require(own["DatastoreIdentifier"].text)
    }
  }

  /// All files in it, by their paths in it, but for what every file system has and ``fill()`` made.
  func files() async throws -> [String] {
    try await inside("cd \(folder) && find . -type f").split(whereSeparator: \.isNewline)
      .map { String($0.dropFirst(2)) }.filter { $0 != Self.ballast }
  }

  /// Leaves no room for anything.
  func fill() async throws {
    _ = try await inside("cat /dev/zero > \(folder)/\(Self.ballast) 2>/dev/null || true")
  }

  func remove() async throws {
    _ = try? await libvirt.virsh(["pool-destroy", name])
    _ = try? await libvirt.virsh(["pool-undefine", name])
    for daemon in daemons {
      _ = try? await Program.run(["nsenter", "-t", "\(daemon)", "-m", "umount", "-l", folder])
    }
    try await Program.run(["losetup", "--detach", device])
    try FileManager.default.removeItem(atPath: image)
    try FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a command where libvirtd sees the file system.
  private func inside(_ command: String) async throws -> String {
    try await Program.run(["nsenter", "-t", "\(daemons[0])", "-m", "sh", "-c", command])
  }
}
