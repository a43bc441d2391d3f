// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension ZVMClient {
  /// What a task is at.
  package enum TaskState: Equatable, Sendable {
    /// It goes on; the share that is done, in percent.
    case running(percent: Int)
    case completed
  }

  /// Starts an operation and waits for its task.
  package func perform(_ path: String, _ body: JSON = [:], seconds: Double) async throws {
    try await waitForTask(try await begin(path, body), seconds: seconds)
  }

  /// Starts an operation.
  ///
  /// - Returns: Its task's identifier.
  package func begin(_ path: String, _ body: JSON = [:]) async throws -> String {
    try task(of: try await post(path, body), "POST \(path)")
  }

  /// The task that the answer to a call names.
  package func task(of answer: JSON, _ call: String) throws -> String {
    guard let task = answer.text else {
      throw ClientError("\(call) at \(name): expected a task identifier, got \(answer)")
    }
    return task
  }

  /// Waits until a task is completed, and throws its words if it fails.
  package func waitForTask(_ task: String, seconds: Double) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try await !isCompleted(task) {
      guard ContinuousClock.now < end else {
        throw ClientError("task \(task) at \(name) took more than \(Int(seconds)) s")
      }
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  /// Whether a task is completed.
  ///
  /// - Throws: ``ClientError`` with the task's words if it failed or was stopped.
  package func isCompleted(_ task: String) async throws -> Bool {
    try await state(of: task) == .completed
  }

  /// What a task is at.
  ///
  /// - Throws: ``ClientError`` with the task's words if it failed or was stopped.
  package func state(of task: String) async throws -> TaskState {
    let answer = try await get("/tasks/\(task)")
    switch answer["Status"]["State"].int {
    case 6: return .completed
    case 1, 2, 3, 7: return .running(percent: answer["Status"]["Progress"].int ?? 0)
    default:
      let type = answer["Type"].text ?? "task \(task)"
      throw ClientError(
        "\(type) at \(name) failed: \(answer["CompleteReason"].text ?? "\(answer)")"
      )
    }
  }
}
