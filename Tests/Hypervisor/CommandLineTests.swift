// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Up {
  @Test func `a person protects, tests, fails over and rolls back by command`() async throws {
    let sites = try LabFixture.lab.sites()
    let (london, paris) = (try LabShell(sites[0]), try LabShell(sites[1]))
    defer {
      london.remove()
      paris.remove()
    }
    await #expect(throws: LabError.self) { try await london.run("vpg", "list") }
    try await london.logIn()
    try await paris.logIn()

    let token = try await paris.run("site", "token")
    try await london.run("site", "pair", sites[1].peerAddress, token)
    #expect(try await london.run("site", "list").contains("paris"))
    try await london.run(
      "vpg",
      "create",
      "shop",
      "--vm",
      "web1",
      "--datastore",
      "datastore1",
      "--network",
      "production",
      "--test-network",
      "test",
      "--hours",
      "2"
    )
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")
    #expect(try await paris.run("vpg", "show", "shop").contains("web1"))

    #expect(try await paris.run("vpg", "exposure", "shop").contains("all together  "))

    try await london.run("vpg", "checkpoint", "shop", "before lunch")
    #expect(
      try await paris.run("vpg", "checkpoints", "shop", "--tagged").contains("before lunch")
    )
    try await paris.run("vpg", "test", "shop", "--tag", "before lunch")
    #expect(try await LabFixture.lab.runningVMNames(at: sites[1]).count == 1)
    try await paris.run("vpg", "stop-test", "shop", "--summary", "it answered")
    #expect(try await LabFixture.lab.vmNames(at: sites[1]).isEmpty)

    let clone = try await clone("shop", by: paris, at: sites[1])
    _ = try await SiteLibvirt(site: sites[1], allowsKVM: false).virsh(["undefine", clone])
    try await fetchBootConfiguration(of: "shop", by: paris)
    try await compareFiles(of: "shop", by: paris)

    try await london.run("vpg", "edit", "shop", "--hours", "3", "--name", "store")
    try await london.run("vpg", "edit", "store", "--add-vm", "app1")
    #expect(try await paris.run("vpg", "show", "store").contains("app1"))
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")
    try await testByParts("store", by: paris, at: sites[1])
    try await london.run("vpg", "edit", "store", "--remove-vm", "app1", "--name", "shop")
    #expect(try await !paris.run("vpg", "show", "shop").contains("app1"))
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")

    try await paris.run("vpg", "failover", "shop", "--shutdown", "forced")
    #expect(try await paris.run("vpg", "list").contains("FailingOverBeforeCommit"))
    try await paris.run("vpg", "rollback", "shop")
    try await london.wait(for: "MeetingSLA", in: "vpg", "list")

    #expect(try await paris.run("event", "--vpg", "shop").contains("shop"))
    #expect(try await paris.run("task").contains("FailOver"))
    try await london.run("vpg", "delete", "shop", "--remove-replicas")
    #expect(try await london.run("vpg", "list").contains("shop") == false)
    try await london.run("logout")
    await #expect(throws: LabError.self) { try await london.run("vpg", "list") }
  }

  /// Tests a VPG of two VMs, and stops the test for one and then for the other.
  private func testByParts(_ vpg: String, by shell: LabShell, at site: LabSite) async throws {
    try await shell.run("vpg", "test", vpg)
    #expect(try await LabFixture.lab.runningVMNames(at: site).count == 2)
    await #expect(throws: LabError.self) {
      try await shell.run("vpg", "stop-test", vpg, "--vm", "db1")
    }
    try await shell.run("vpg", "stop-test", vpg, "--vm", "app1", "--failed", "--summary", "no page")
    let left = try await LabFixture.lab.runningVMNames(at: site)
    #expect(left == ["web1 - testing recovery"])
    try await shell.run("vpg", "stop-test", vpg)
    #expect(try await LabFixture.lab.vmNames(at: site).isEmpty)
  }

  /// Clones a VPG of one VM, and returns the clone's name.
  private func clone(_ vpg: String, by shell: LabShell, at site: LabSite) async throws -> String {
    let before = try await LabFixture.lab.vmNames(at: site)
    try await shell.run("vpg", "clone", vpg, "--tag", "before lunch")
    let made = try await LabFixture.lab.vmNames(at: site).filter { !before.contains($0) }
    return try #require(made.first)
  }

  /// What the guest writes is what changed, and a search by files starts no VM.
  private func compareFiles(of vpg: String, by shell: LabShell) async throws {
    let tagged = try await Self.points(shell.run("vpg", "checkpoints", vpg, "--tagged")).first
    let first = try #require(tagged)
    let all = try await Self.points(shell.run("vpg", "checkpoints", vpg, "--last", "1"))
    let last = try #require(all.last)
    let changes = try await shell.run(
      "point",
      "diff",
      "--vm",
      "web1",
      "--from",
      first,
      "--to",
      last,
      "--files",
      "--under",
      "/vdb"
    )
    #expect(changes.contains("~ /vdb/seq  Size "), "\(changes)")
    #expect(changes.contains("FILE SYSTEM"), "\(changes)")
    #expect(!changes.contains("/vda"), "\(changes)")
    #expect(try await shell.run("file", "sessions").split(whereSeparator: \.isNewline).count == 1)
    for (option, words) in [
      ("--file", "Every point passes"), ("--no-file", "No point passes"),
    ] {
      let found = try await shell.run(
        "vpg",
        "bisect",
        vpg,
        option,
        "/vda1/syslinux.cfg",
        "--oldest",
        first,
        "--newest",
        first
      )
      #expect(found.contains(words), "\(found)")
      #expect(found.contains("/vda1/syslinux.cfg of web1 is there."), "\(found)")
    }
  }

  /// The numbers in a list of checkpoints.
  private static func points(_ list: String) -> [String] {
    list.split(whereSeparator: \.isNewline).compactMap { line in
      line.split(separator: " ").first { UInt64($0) != nil }.map(String.init)
    }
  }

  private func fetchBootConfiguration(of vpg: String, by shell: LabShell) async throws {
    let session = try await shell.run("file", "open", vpg, "--tag", "before lunch")
    let listing = try await shell.run("file", "list", session, "/vda1")
    #expect(listing.contains("/vda1/syslinux.cfg"))
    let file = shell.folder.appending(path: "syslinux.cfg").path(percentEncoded: false)
    try await shell.run("file", "fetch", session, "/vda1/syslinux.cfg", "--to", file)
    #expect(try String(contentsOfFile: file, encoding: .utf8).contains("vmlinuz"))
    await #expect(throws: LabError.self) {
      try await shell.run("file", "fetch", session, "/vda1/nothing", "--to", file + "2")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: shell.folder.path).count == 2)
    try await shell.run("file", "close", session)
    #expect(try await !shell.run("file", "sessions").contains(session))
  }
}
