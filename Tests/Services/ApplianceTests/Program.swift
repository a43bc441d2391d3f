// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs a program of the machine's to its end, expects it to succeed, and returns what it printed.
@discardableResult
func run(_ program: String, _ arguments: String...) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/" + program)
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  process.standardInput = FileHandle.nullDevice
  process.currentDirectoryURL = FileManager.default.temporaryDirectory
  try process.run()
  let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  let text = String(decoding: bytes, as: UTF8.self)
  try #require(process.terminationStatus == 0, "\(program) \(arguments): \(text)")
  return text
}

/// What the tools call an export of ours.
func address(_ socketPath: String, _ export: String) -> String {
  "nbd+unix:///\(export)?socket=\(socketPath)"
}
