// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program that runs beside the benchmark.
///
/// `@unchecked Sendable`: it is used by one thread at a time; a signal's clean-up only kills.
final class Program: @unchecked Sendable {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var unread: [UInt8] = []

  var identifier: Int32 { process.processIdentifier }

  /// Starts a program found in PATH; what it says to standard error is appended to `log`.
  init(_ name: String, _ arguments: [String], log: String) throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardInput = input
    process.standardOutput = output
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil)
    }
    let errors = try FileHandle(forWritingTo: URL(filePath: log))
    try errors.seekToEnd()
    process.standardError = errors
    try process.run()
    try? errors.close()
    try? output.fileHandleForWriting.close()
  }

  /// The next line of standard output; nil at its end.
  func readLine() -> String? {
    while true {
      if let end = unread.firstIndex(of: 10) {
        defer { unread.removeSubrange(...end) }
        return String(decoding: unread[..<end], as: UTF8.self)
      }
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = read(output.fileHandleForReading.fileDescriptor, &bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      unread += bytes[..<count]
    }
  }

  /// Sends a line to standard input.
  func send(_ line: String) throws {
    try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
  }

  /// Ends the program: asks, and after five seconds does not ask any more.
  func stop() {
    try? input.fileHandleForWriting.close()
    guard process.isRunning else { return }
    kill(identifier, SIGTERM)
    let deadline = Date() + 5
    while process.isRunning, Date() < deadline { usleep(5000) }
    if process.isRunning { kill(identifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// Runs a program to its end and returns what it said.
  ///
  /// - Throws: If it says by its status that it failed.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], stage: Stage) throws -> String {
    let program = try Program(name, arguments, log: stage.log)
    var text = ""
    while let line = program.readLine() { text += line + "\n" }
    program.process.waitUntilExit()
    guard program.process.terminationStatus == 0 else {
      throw BenchError("\(name) \(arguments.joined(separator: " ")) failed: \(text.suffix(400))")
    }
    return text
  }
}

/// Waits until a condition holds.
func waitUntil(
  _ what: String,
  seconds: Double = 30,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = Date() + seconds
  while try await !condition() {
    guard Date() < deadline else { throw BenchError("waited \(seconds) s in vain: \(what)") }
    try await Task.sleep(for: .milliseconds(5))
  }
}
