// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program of the system's, run for its result or in the background.
enum Program {
  struct Failed: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a program to its end and returns what it said.
  @discardableResult
  static func run(_ arguments: String...) throws -> String { try run(arguments) }

  /// Runs a program to its end and returns what it said; throws if its status is not what is
  /// expected.
  static func run(_ arguments: [String], isExpectedToFail: Bool = false) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard (process.terminationStatus != 0) == isExpectedToFail else {
      throw Failed(
        description: "\(arguments.joined(separator: " ")): "
          + "status \(process.terminationStatus), \(said)"
      )
    }
    return said.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Starts a program and leaves it running.
  static func start(_ arguments: [String], in folder: URL) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }
}
