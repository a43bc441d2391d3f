// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// qemu-nbd with a flat raw file, read only.
struct QemuNBD {
  static let export = "disk"

  let socketPath: String

  init(file: String, name: String, stage: Stage) async throws {
    let socketPath = stage.path("\(name).sock")
    self.socketPath = socketPath
    _ = try stage.start(
      "qemu-nbd",
      [
        "--read-only", "--format=raw", "--persistent", "--shared=8", "--export-name=\(Self.export)",
        "--socket=\(socketPath)", file,
      ]
    )
    try await waitUntil("qemu-nbd serves \(file)") { isServed(socketPath) }
  }
}
