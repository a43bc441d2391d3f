// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes

/// The product, which is built into the folder of the test bundle.
let productPath =
  ProcessInfo.processInfo.environment["UNDERSTUDY_EXECUTABLE"]
  ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
  .appending(path: "understudy").path(percentEncoded: false)

/// Runs a program to its end, on a thread that waits for it.
func execute(
  _ program: String,
  _ arguments: [String]
) async throws -> (status: Int32, output: String) {
  let folder = FileManager.default.temporaryDirectory.path(percentEncoded: false)
  let (status, output) = try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(with: Result { try ChildProcess.run([program] + arguments, in: folder) })
    }
  }
  return (status, output)
}
