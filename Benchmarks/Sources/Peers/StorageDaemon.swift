// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// QEMU's storage daemon with a file, which a load writes through NBD as a guest would, and on
/// which a mirror job like the tap's may run.
final class StorageDaemon {
  let socketPath: String
  private let monitor: UnixConnection

  /// Serves a raw file, whose node has more options than its name, such as `cache.direct=on`.
  ///
  /// `name` tells several daemons of a stage apart.
  init(name: String, file: String, options: [String], stage: Stage) async throws {
    let socketPath = stage.path("\(name).sock")
    let monitorPath = stage.path("\(name).qmp")
    let node = ["driver=file", "node-name=disk", "filename=\(file)"] + options
    _ = try stage.start(
      "qemu-storage-daemon",
      [
        "--chardev", "socket,id=qmp,path=\(monitorPath),server=on,wait=off",
        "--monitor", "chardev=qmp",
        "--blockdev", node.joined(separator: ","),
        "--nbd-server", "addr.type=unix,addr.path=\(socketPath)",
        "--export", "type=nbd,id=disk,node-name=disk,name=disk,writable=on",
      ]
    )
    try await waitUntil("qemu-storage-daemon serves \(file)") {
      FileManager.default.fileExists(atPath: monitorPath) && isServed(socketPath)
    }
    self.socketPath = socketPath
    monitor = try UnixConnection(monitorPath)
    _ = try readAnswer { $0["QMP"] != nil }
    try execute("qmp_capabilities")
  }

  /// Mirrors what is written from now on to an NBD export, as the tap does.
  func mirror(to socketPath: String, export: String) async throws {
    try execute(
      "blockdev-add",
      [
        "driver": "nbd", "node-name": "target", "export": export,
        "server": ["type": "unix", "path": socketPath],
      ]
    )
    try execute(
      "blockdev-mirror",
      [
        "job-id": "tap", "device": "disk", "target": "target", "sync": "none",
        "copy-mode": "write-blocking", "granularity": 4096, "on-target-error": "stop",
        "filter-node-name": "mirror-top",
      ]
    )
    try await waitUntil("the mirror job is ready") { try mirrorStatus() == "ready" }
  }

  /// Fails if the mirror job does not run any more.
  func checkMirror() throws {
    let status = try mirrorStatus()
    guard status == "ready" else { throw BenchError("the mirror job is \(status)") }
  }

  private func mirrorStatus() throws -> String {
    let jobs = try execute("query-jobs") as? [[String: Any]] ?? []
    return jobs.first?["status"] as? String ?? "gone"
  }

  @discardableResult
  private func execute(_ command: String, _ arguments: [String: Any] = [:]) throws -> Any? {
    let message: [String: Any] = ["execute": command, "arguments": arguments]
    try monitor.send(Array(JSONSerialization.data(withJSONObject: message)) + [10])
    let answer = try readAnswer { $0["return"] != nil || $0["error"] != nil }
    if let error = answer["error"] as? [String: Any] {
      throw BenchError("QEMU refuses \(command): \(error["desc"] ?? error)")
    }
    return answer["return"]
  }

  /// The next message that is meant; events are passed over.
  private func readAnswer(_ isMeant: ([String: Any]) -> Bool) throws -> [String: Any] {
    while true {
      var line: [UInt8] = []
      while line.last != 10 { line += try monitor.receive(count: 1) }
      let message = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
      if isMeant(message) { return message }
    }
  }
}
