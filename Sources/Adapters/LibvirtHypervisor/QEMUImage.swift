// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor

/// Disk images, made with `qemu-img`.
enum QEMUImage {
  /// Makes an empty qcow2 file on a raw one; one that is there is replaced.
  static func createOverlay(at path: String, on base: String) async throws(HypervisorError) {
    let arguments = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, path]
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<(status: Int32, text: String), Never>) in
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = arguments
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = output
      process.terminationHandler = { process in
        // A line at the most, so it fits the pipe and is all there.
        let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        continuation.resume(returning: (process.terminationStatus, text))
      }
      do {
        try process.run()
      } catch {
        process.terminationHandler = nil
        continuation.resume(returning: (127, "\(error)"))
      }
    }
    guard result.status == 0 else {
      throw .failed(
        operation: "make an overlay",
        reason: result.text.trimmingCharacters(in: .whitespacesAndNewlines)
      )
    }
  }
}
