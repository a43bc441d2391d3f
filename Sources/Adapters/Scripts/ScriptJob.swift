// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A script to run.
package struct ScriptJob: Sendable {
  /// Its path in the repository.
  package var command: String
  /// Its arguments, as ``ScriptParameters`` reads them.
  package var parameters: String
  package var timeout: Duration
  /// What it finds in its environment, beside what every script does.
  package var variables: [(name: String, value: String)]
  /// The folder in the output area that takes what it leaves: two names, `web` and
  /// `20261129T101500Z-Test-PreRecovery`.
  package var outputNames: [String]
  /// Puts files for it into a folder of this machine, before it is started; nil if it gets none.
  package var fill: (@Sendable (_ folder: String) async throws -> Void)?

  package init(
    command: String,
    parameters: String,
    timeout: Duration,
    variables: [(name: String, value: String)],
    outputNames: [String]
  ) {
    self.command = command
    self.parameters = parameters
    self.timeout = timeout
    self.variables = variables
    self.outputNames = outputNames
  }
}

/// How a script went.
package struct ScriptResult: Sendable, Equatable {
  package var ending: Ending
  /// The last of what it printed.
  package var lastWords: String
  /// The file in the output area that has all it printed; nil if there is none.
  package var outputPath: String?

  package init(ending: Ending, lastWords: String = "", outputPath: String? = nil) {
    self.ending = ending
    self.lastWords = lastWords
    self.outputPath = outputPath
  }

  package enum Ending: Sendable, Equatable {
    /// It ended by itself. A signal counts as 128 and its number.
    case exited(Int)
    /// It was ended, with all it had started, when its time was up.
    case timedOut
    /// It was ended, because the manager ends.
    case stopped
    /// It was never started, in words.
    case refused(String)
  }
}

/// What runs scripts.
package protocol ScriptRunning: Sendable {
  /// Where they are; nil if nobody can look.
  var folders: ScriptFolders? { get }

  /// Runs a script to its end, which is that of all it started. Cancelled, it ends it.
  func run(_ job: ScriptJob) async -> ScriptResult
}
