// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Scripts

/// A manager's folders of scripts, and what one run of a script needs.
final class ScriptBench: Sendable {
  let folder: String
  let folders: ScriptFolders

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/scripts-\(UUID().uuidString)"
    folders = try ScriptFolders(path: folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Keeps a script and runs it.
  func run(
    _ text: String,
    parameters: String = "",
    timeout: Duration = .seconds(60),
    variables: [(name: String, value: String)] = []
  ) async throws -> ScriptResult {
    try folders.repository.write(
      Array(("#!/bin/sh\n" + text).utf8),
      to: try ScriptPath("a.sh"),
      overwrites: true
    )
    return await run(
      command: "a.sh",
      parameters: parameters,
      timeout: timeout,
      variables: variables
    )
  }

  func run(
    command: String,
    parameters: String = "",
    timeout: Duration = .seconds(60),
    variables: [(name: String, value: String)] = [],
    userName: String? = nil
  ) async -> ScriptResult {
    await ScriptRunner(folders: folders, userName: userName).run(
      ScriptJob(
        command: command,
        parameters: parameters,
        timeout: timeout,
        variables: variables,
        outputNames: ["web", "now"]
      )
    )
  }

  /// A file that a run left in the output area.
  func left(_ name: String = "printed.txt") throws -> String {
    String(decoding: try folders.output.read(try ScriptPath("web/now/\(name)")), as: UTF8.self)
  }

  /// The processes whose command line holds a text.
  static func processes(with text: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.filter { name in
      guard Int(name) != nil,
        let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return false }
      return String(decoding: line, as: UTF8.self).contains(text)
    }
  }
}
