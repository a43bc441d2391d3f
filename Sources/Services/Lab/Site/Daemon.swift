// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A long-running process of a site: started in the site's namespaces as a session of its own,
/// known by the process identifier it wrote down and by its command line.
package struct Daemon: Sendable {
  package let name: String
  package let logFile: String
  let pidFile: String
  let command: [String]
  /// What the command line must hold for the process to be this daemon.
  let mark: String

  /// The process identifier, if the daemon runs.
  ///
  /// A process that only inherited the number is told apart by its command line.
  package var processIdentifier: Int32? {
    guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
      let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 1
    else { return nil }
    return Self.commandLine(of: pid).contains(mark) ? pid : nil
  }

  /// Starts the daemon unless it runs.
  func start() async throws {
    guard processIdentifier == nil else { return }
    // The shell's number stays the daemon's: each of the programs replaces itself by the next.
    let script = #"pid=$1 log=$2; shift 2; echo $$ >"$pid"; exec "$@" >>"$log" 2>&1 </dev/null"#
    try await Program.run(
      ["setsid", "--fork", "sh", "-c", script, "sh", pidFile, logFile] + command
    )
    guard try await Waiting.until(seconds: 5, { processIdentifier != nil }) else {
      throw LabError("\(name) ended at once: \(lastWords)")
    }
  }

  /// Ends the daemon: asks, and after `seconds` kills.
  func stop(seconds: Double = 10) async throws {
    guard let pid = processIdentifier else { return }
    kill(pid, SIGTERM)
    if try await !Waiting.until(seconds: seconds, { processIdentifier == nil }) {
      kill(pid, SIGKILL)
      _ = try await Waiting.until(seconds: 5) { processIdentifier == nil }
    }
    try? FileManager.default.removeItem(atPath: pidFile)
  }

  /// The last lines of the log, to say why a start failed.
  var lastWords: String {
    let text = (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(5).joined(separator: "\n")
  }

  /// A process's command line; empty if there is none or it has ended.
  ///
  /// In the middle of an exec(2) a process has none for a moment, longer on a busy machine: that
  /// must not pass for its end.
  static func commandLine(of pid: Int32) -> String {
    for _ in 0..<1000 {
      guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
        return ""
      }
      guard data.isEmpty, !hasEnded(pid) else {
        return String(decoding: data.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
      }
      usleep(1000)
    }
    return ""
  }

  /// Whether only the record of a process is left, for its parent; proc(5), state `Z` or `X`.
  private static func hasEnded(_ pid: Int32) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let name = stat.lastIndex(of: ")")
    else { return true }
    let state = stat[stat.index(after: name)...].drop { $0 == " " }.first
    return state == "Z" || state == "X"
  }
}
