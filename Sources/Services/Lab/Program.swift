// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A program of the operating system, run to its end.
///
/// Output goes to a file, not a pipe: a daemon that keeps it open then keeps nobody waiting. For
/// the same reason this is not Foundation's `Process`, which takes a program to run for as long
/// as any of its descendants does.
enum Program {
  /// How a program ended.
  struct Outcome: Sendable {
    /// The exit code, 128 and more for a signal; nil if it was still running when its time was
    /// over.
    let exitCode: Int32?
    /// What it wrote to standard output and standard error.
    let output: String

    var succeeded: Bool { exitCode == 0 }
  }

  /// Runs a program and returns what it wrote.
  ///
  /// - Throws: ``LabError`` with the program's words if it fails or takes longer than `seconds`.
  @discardableResult
  static func run(
    _ arguments: [String],
    input: String = "",
    in folder: String? = nil,
    seconds: Double = 60
  ) async throws -> String {
    let outcome = try await attempt(arguments, input: input, in: folder, seconds: seconds)
    guard let exitCode = outcome.exitCode else {
      throw LabError("`\(arguments.joined(separator: " "))` did not end within \(Int(seconds)) s")
    }
    guard exitCode == 0 else {
      let words = outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
      throw LabError("`\(arguments.joined(separator: " "))` failed (\(exitCode)): \(words)")
    }
    return outcome.output
  }

  /// Runs a program, whatever comes of it.
  ///
  /// One that takes longer than `seconds` is killed, but not waited for: a process stuck in the
  /// kernel may never end.
  static func attempt(
    _ arguments: [String],
    input: String = "",
    in folder: String? = nil,
    seconds: Double = 60
  ) async throws -> Outcome {
    let files = FileManager.default
    let scratch = files.temporaryDirectory.appending(path: "understudy-\(UUID().uuidString)")
    try files.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: scratch) }
    let inputFile = scratch.appending(path: "input")
    let outputFile = scratch.appending(path: "output")
    try Data(input.utf8).write(to: inputFile)

    let pid = try spawn(
      arguments,
      input: inputFile.path(percentEncoded: false),
      output: outputFile.path(percentEncoded: false),
      folder: folder
    )
    var status: Int32 = 0
    let ended: Bool
    do {
      ended = try await Waiting.until(seconds: seconds, every: .milliseconds(5)) {
        waitpid(pid, &status, WNOHANG) != 0
      }
    } catch {
      // Cancelled: the program goes with the task that wanted it.
      kill(pid, SIGKILL)
      throw error
    }
    if !ended { kill(pid, SIGKILL) }
    let output = (try? Data(contentsOf: outputFile)) ?? Data()
    return Outcome(
      exitCode: ended ? exitCode(of: status) : nil,
      output: String(decoding: output, as: UTF8.self)
    )
  }

  private static func spawn(
    _ arguments: [String],
    input: String,
    output: String,
    folder: String?
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)

    // `env` looks the program up in our PATH, not in the caller's.
    let place = folder.map { ["--chdir=\($0)"] } ?? []
    let words = (["/usr/bin/env"] + place + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + variables { free(word) } }
    var pid: pid_t = 0
    let error = posix_spawn(&pid, "/usr/bin/env", &actions, nil, words, variables)
    guard error == 0 else {
      throw LabError("cannot start \(arguments[0]): \(String(cString: strerror(error)))")
    }
    return pid
  }

  /// The exit code in a status of `waitpid`, as a shell gives it.
  private static func exitCode(of status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  /// The caller's, with the administrator's programs and words that do not vary.
  private static let environment = ProcessInfo.processInfo.environment.merging([
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "DEBIAN_FRONTEND": "noninteractive",
  ]) { $1 }
}
