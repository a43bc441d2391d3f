// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Up {
  @Test func `a person protects, tests, fails over and rolls back by command`() async throws {
    let sites = try LabFixture.lab.sites()
    let (london, paris) = (try Shell(sites[0]), try Shell(sites[1]))
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
}

/// The command line as a person uses it at a site, with a log-in of its own.
private struct Shell {
  let site: LabSite
  let folder: URL
  let executable: String

  init(_ site: LabSite) throws {
    self.site = site
    executable = try LabFixture.lab.settings.executable
    folder = FileManager.default.temporaryDirectory
      .appending(path: "understudy-shell-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func logIn() async throws {
    try await run(
      "login",
      site.url,
      "--user",
      site.user,
      "--authority",
      site.authorityFile,
      input: site.password + "\n"
    )
  }

  /// Runs a command, and fails with its words if it fails.
  @discardableResult
  func run(_ arguments: String..., input: String = "") async throws -> String {
    try await run(arguments, input: input)
  }

  /// Waits until a command's output has a word.
  func wait(for word: String, in arguments: String...) async throws {
    var output = ""
    let found = try await Waiting.until(seconds: 180, every: .milliseconds(500)) {
      output = try await run(arguments, input: "")
      return output.contains(word)
    }
    guard found else { throw LabError("no \(word) in:\n\(output)") }
  }

  private func run(_ arguments: [String], input: String) async throws -> String {
    let home = "XDG_CONFIG_HOME=" + folder.path(percentEncoded: false)
    let output = try await Program.run(
      ["env", home, executable] + arguments,
      input: input,
      seconds: 180
    )
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
