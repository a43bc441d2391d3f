// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Appliance
import Foundation
import Logging
import Testing

/// Workers here are shell scripts that note their process and then live or fall silent.
@Suite(.serialized) struct SupervisorTests {
  let folder = FileManager.default.temporaryDirectory.appending(path: "sv-\(UUID().uuidString)")

  /// The processes that `script` noted so far.
  private func processes() -> [Int32] {
    let text = (try? String(contentsOf: folder.appending(path: "pids"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { Int32($0) }
  }

  /// Runs a supervisor over `script` until `condition` holds, at most 20 seconds.
  private func supervise(_ script: String, until condition: () -> Bool) async throws -> Bool {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let supervisor = Supervisor(
      executable: "/bin/sh",
      arguments: ["-c", "echo $$ >> \(folder.path())/pids; \(script)"],
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    let thread = Thread { try? supervisor.run() }
    thread.start()
    defer { supervisor.stop() }
    let deadline = Date().addingTimeInterval(20)
    while Date() < deadline {
      if condition() { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    return false
  }

  @Test func `a worker that falls silent is killed and another one started`() async throws {
    let replaced = try await supervise("echo alive; exec sleep 60") {
      guard let first = processes().first, processes().count >= 2 else { return false }
      return kill(first, 0) != 0
    }
    #expect(replaced)
  }

  @Test func `a worker that dies is started again`() async throws {
    #expect(try await supervise("echo alive; exit 1") { processes().count >= 3 })
  }

  @Test func `a worker that shows life is left alone`() async throws {
    let patience = Date().addingTimeInterval(
      2.5 * Double(Supervisor.patienceInMilliseconds) / 1000
    )
    var most = 0
    let isPast = try await supervise("while echo alive; do sleep 0.2; done") {
      most = max(most, processes().count)
      return Date() > patience
    }
    #expect(isPast)
    #expect(most == 1)
  }
}
