// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// nbdkit's memory plugin on a unix socket.
struct Nbdkit {
  let socketPath: String
  let process: ProcessFigures

  init(byteCount: Int, stage: Stage) async throws {
    let socketPath = stage.path("nbdkit.sock")
    self.socketPath = socketPath
    let program = try stage.start(
      "nbdkit",
      ["--foreground", "--exit-with-parent", "-U", socketPath, "memory", "\(byteCount)"]
    )
    process = ProcessFigures(identifier: program.identifier)
    try await waitUntil("nbdkit serves") { isServed(socketPath) }
  }
}

/// Whether somebody listens on a unix socket.
func isServed(_ socketPath: String) -> Bool { (try? UnixConnection(socketPath)) != nil }
