// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

// QEMU has one NBD server. It offers the disks to all the VM's streams that are synced, each with
// exports of its own, because the bitmaps that say what changed are a stream's.

extension LibvirtHypervisor {
  package func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: String] {
    let pull = Pull(stream: stream, socketPath: socketPath)
    let exports = try await openPull(of: volumes, of: vm, pull) { _, _ in nil }
    return exports.mapValues(\.name)
  }

  package func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] {
    try await openPull(of: volumes, of: vm, Pull(stream: stream, socketPath: socketPath)) {
      monitor,
      node throws(HypervisorError) in
      var changes = try DiskChanges(node: node, monitor, stream)
      return try changes.close(floor: floor)
    }
  }

  package func closePull(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await closePull(of: vm) { $0.stream == stream.rawValue }
  }

  /// Ends the pulls that are chosen.
  private func closePull(
    of vm: VMIdentifier,
    where isChosen: @escaping @Sendable (PullExport) -> Bool
  ) async throws(HypervisorError) {
    // An export that is being deleted still holds its node and its bitmap.
    let isClosed = try await wait(seconds: 5) { () async throws(HypervisorError) in
      try await self.run(with: vm) { domain throws(HypervisorError) in
        guard try domain.isActive else { return true }
        return try QEMUMonitor(domain: domain).endPull(where: isChosen)
      }
    }
    guard isClosed else {
      throw .failed(operation: "end a sync", reason: "QEMU does not give the disks back")
    }
  }

  /// Exports each disk, with the bitmap that `changes` names for its node.
  private func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    _ pull: Pull,
    changes:
      @escaping @Sendable (QEMUMonitor, String) throws(HypervisorError) -> (
        bitmap: String, byteCount: UInt64
      )?
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] {
    // What an earlier manager or appliance left may be on another socket.
    try await closePull(of: vm) { $0.stream == pull.stream.rawValue || $0.place != pull.place }
    return try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { throw .notRunning(vm) }
      let monitor = QEMUMonitor(domain: domain)
      try monitor.startServer(for: pull)
      var exports: [VolumeIdentifier: ChangedExport] = [:]
      do throws(HypervisorError) {
        for volume in volumes {
          let (disk, _) = try domain.runningDisk(volume, of: vm)
          let node = try domain.rootNode(of: disk, vm, monitor)
          let closed = try changes(monitor, node)
          let name = pull.exportName(of: disk.target)
          try monitor.addExport(
            name,
            pull.export(of: disk.target),
            of: node,
            bitmap: closed?.bitmap
          )
          exports[volume] = ChangedExport(
            name: name,
            changes: closed.map { "qemu:dirty-bitmap:\($0.bitmap)" },
            knownByteCount: closed?.byteCount ?? 0
          )
        }
      } catch {
        _ = try? monitor.endPull { $0.stream == pull.stream.rawValue }
        throw error
      }
      return exports
    }
  }
}

/// One stream's pull of a VM's disks.
private struct Pull: Sendable {
  let stream: StreamIdentifier
  let socketPath: String

  /// Tells one socket from another.
  var place: String {
    let hash = socketPath.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  func export(of target: String) -> PullExport {
    PullExport(place: place, stream: stream.rawValue, target: target)
  }

  /// What the sync asks for.
  func exportName(of target: String) -> String { "\(stream)/\(target)" }
}

/// An export of ours; its name in QEMU tells everything.
private struct PullExport {
  private static let prefix = "understudy-pull-"

  let place: String
  let stream: String
  let target: String

  init(place: String, stream: String, target: String) {
    (self.place, self.stream, self.target) = (place, stream, target)
  }

  /// Reads a name; nil if it is none of ours.
  ///
  /// One that tells nothing else was made before there were several streams of a VM.
  init?(identifier: String) {
    guard identifier.hasPrefix(Self.prefix) else { return nil }
    let parts = identifier.dropFirst(Self.prefix.count).split(separator: ".", maxSplits: 2)
      .map(String.init)
    self.init(
      place: parts.count == 3 ? parts[0] : "",
      stream: parts.count == 3 ? parts[1] : "",
      target: parts.last ?? ""
    )
  }

  var identifier: String { "\(Self.prefix)\(place).\(stream).\(target)" }
}

extension QEMUMonitor {
  private struct Export: Decodable {
    let id: String
    let isEnding: Bool

    private enum CodingKeys: String, CodingKey {
      case id
      case isEnding = "shutting-down"
    }

    var ours: PullExport? { PullExport(identifier: id) }
  }

  private func exports() throws(HypervisorError) -> [Export] {
    try ask("query-block-exports", answer: [Export].self)
  }

  /// Starts QEMU's NBD server, unless another stream of the VM is being synced.
  fileprivate func startServer(for pull: Pull) throws(HypervisorError) {
    if try exports().contains(where: { $0.ours?.place == pull.place }) { return }
    do throws(HypervisorError) {
      try run(
        "nbd-server-start",
        ["addr": ["type": "unix", "data": ["path": pull.socketPath]]]
      )
    } catch {
      throw .failed(operation: "offer the disks for a sync", reason: error.reason)
    }
  }

  fileprivate func addExport(
    _ name: String,
    _ export: PullExport,
    of node: String,
    bitmap: String?
  ) throws(HypervisorError) {
    var arguments: [String: Any] = [
      "type": "nbd", "id": export.identifier, "node-name": node, "name": name,
      "writable": false,
    ]
    if let bitmap { arguments["bitmaps"] = [bitmap] }
    try run("block-export-add", arguments)
  }

  /// Ends exports that are chosen, and QEMU's NBD server if nobody exports through it any more.
  ///
  /// - Returns: Whether all of them are gone.
  fileprivate func endPull(
    where isChosen: (PullExport) -> Bool
  ) throws(HypervisorError) -> Bool {
    let exports = try exports()
    let chosen = exports.filter { $0.ours.map(isChosen) ?? false }
    for export in chosen where !export.isEnding {
      try run("block-export-del", ["id": export.id, "mode": "hard"])
    }
    guard chosen.isEmpty else { return false }
    // QEMU does not tell whether the server runs; stopping one that does not is refused.
    if exports.isEmpty { try? run("nbd-server-stop") }
    return true
  }
}

extension HypervisorError {
  /// The hypervisor's own words.
  fileprivate var reason: String {
    switch self {
    case .failed(_, let reason), .unreachable(let reason): reason
    default: "\(self)"
    }
  }
}
