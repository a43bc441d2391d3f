// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

/// The command line as a person uses it at a site, with a log-in of its own.
struct LabShell {
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

  @discardableResult
  func run(_ arguments: [String], input: String) async throws -> String {
    let home = "XDG_CONFIG_HOME=" + folder.path(percentEncoded: false)
    let output = try await Program.run(
      ["env", home, executable] + arguments,
      input: input,
      seconds: 180
    )
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
