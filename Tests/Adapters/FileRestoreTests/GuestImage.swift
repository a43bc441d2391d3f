// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes

/// Disks as guests leave them, served over NBD.
final class GuestImage {
  let folder: String
  private var servers: [ChildProcess] = []

  init() throws {
    folder = NSTemporaryDirectory() + "us-files-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// Runs a script that makes images in the folder; nothing in it comes from outside.
  func make(_ script: String) throws {
    let (status, text) = try ChildProcess.run(["/bin/bash", "-euc", script], in: folder)
    guard status == 0 else { throw GuestImageFailure(text: text) }
  }

  /// Serves an image read only, as an appliance does a point; gives the socket's path.
  func serve(_ name: String) throws -> String {
    let socket = "\(folder)/\(name).sock"
    let server = try ChildProcess([
      "qemu-nbd", "--read-only", "--format=raw", "--persistent", "--shared=8",
      "--export-name=scsi:0:0", "--socket=\(socket)", "\(folder)/\(name)",
    ])
    servers.append(server)
    let deadline = ContinuousClock.now + .seconds(30)
    while !FileManager.default.fileExists(atPath: socket) {
      guard ContinuousClock.now < deadline else { throw GuestImageFailure(text: "no \(socket)") }
      usleep(10_000)
    }
    return socket
  }

  func remove() {
    for server in servers {
      server.send(SIGKILL)
      _ = server.wait()
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}

struct GuestImageFailure: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}
