// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The product, which is built into the folder of the test bundle.
let productPath =
  ProcessInfo.processInfo.environment["UNDERSTUDY_EXECUTABLE"]
  ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
  .appending(path: "understudy").path(percentEncoded: false)

/// Runs a program to its end, without a thread that waits for it.
func execute(
  _ program: String,
  _ arguments: [String]
) async throws -> (status: Int32, output: String) {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let file = folder.appending(path: "output")
  try Data().write(to: file)
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = arguments
  process.currentDirectoryURL = folder
  process.standardInput = FileHandle.nullDevice
  let output = try FileHandle(forWritingTo: file)
  process.standardOutput = output
  process.standardError = output
  let (ends, announce) = AsyncStream.makeStream(of: Int32.self)
  process.terminationHandler = { process in
    announce.yield(process.terminationStatus)
    announce.finish()
  }
  try process.run()
  let status = await ends.first { _ in true } ?? -1
  return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
}
