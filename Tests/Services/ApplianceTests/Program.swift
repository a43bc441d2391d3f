// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Testing

/// Runs a program of the machine's to its end, expects it to succeed, and returns what it printed.
@discardableResult
func run(_ program: String, _ arguments: String...) throws -> String {
  let (status, text) = try ChildProcess.run(
    ["/usr/bin/" + program] + arguments,
    in: FileManager.default.temporaryDirectory.path()
  )
  try #require(status == 0, "\(program) \(arguments): \(text)")
  return text
}

/// What the tools call an export of ours.
func address(_ socketPath: String, _ export: String) -> String {
  "nbd+unix:///\(export)?socket=\(socketPath)"
}
