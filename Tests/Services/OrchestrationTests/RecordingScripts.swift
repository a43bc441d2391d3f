// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Scripts
import Synchronization

/// Scripts that end as they are told, and are noted.
final class RecordingScripts: ScriptRunning {
  private struct State {
    var runs: [String] = []
    var endings: [String: ScriptResult.Ending] = [:]
    var limit: CheckpointIdentifier?
  }

  private let state = Mutex(State())
  var folders: ScriptFolders? { nil }

  /// The runs: what was told as the recovery, the operation and the script.
  var runs: [String] { state.withLock(\.runs) }

  /// The runs without the recovery.
  var operations: [String] {
    runs.map { $0.split(separator: " ").dropFirst().joined(separator: " ") }
  }

  /// Has a command end otherwise than well.
  func end(_ command: String, as ending: ScriptResult.Ending) {
    state.withLock { $0.endings[command] = ending }
  }

  /// Has every script end with status 1 that is run for a later point than this one.
  func failAfter(_ limit: CheckpointIdentifier) { state.withLock { $0.limit = limit } }

  func run(_ job: ScriptJob) async -> ScriptResult {
    func value(_ name: String) -> String { job.variables.first { $0.name == name }?.value ?? "" }
    let run = ["UNDERSTUDY_RECOVERY", "ZertoOperation", "UNDERSTUDY_SCRIPT"].map(value)
    let ending = state.withLock { state -> ScriptResult.Ending in
      state.runs.append(run.joined(separator: " "))
      let point = CheckpointIdentifier(text: value("UNDERSTUDY_CHECKPOINT"))
      if let limit = state.limit, let point, point > limit { return .exited(1) }
      return state.endings[job.command] ?? .exited(0)
    }
    return ScriptResult(ending: ending, lastWords: "said", outputPath: "/web/printed.txt")
  }
}
