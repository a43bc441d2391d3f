// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

/// How a command that starts an operation deals with its task.
struct TaskWatch: ParsableArguments {
  @Flag(
    name: .customLong("no-wait"),
    help: "Print the task's identifier, and do not wait for its end."
  )
  var leaves = false

  /// Waits for a task, and shows how far it is at a terminal.
  ///
  /// The task goes on if the command is interrupted. `end` is said when it is completed.
  func follow(_ task: String, of client: ZVMClient, end: String = "done") async throws {
    guard !leaves else { return print(task) }
    var shown = -1
    while true {
      switch try await client.state(of: task) {
      case .completed: return print(end)
      case .running(let percent):
        if percent != shown { Terminal.show(progress: percent) }
        shown = percent
      }
      try await Task.sleep(for: .milliseconds(300))
    }
  }
}
