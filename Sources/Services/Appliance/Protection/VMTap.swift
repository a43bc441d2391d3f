// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import NBDTransport
internal import RecoveryModel
internal import Synchronization

/// The taps of one VM's disks, on one socket: each disk's export feeds every stream that has the
/// disk, because the hypervisor can send a disk's writes to one place only.
///
/// It is there as long as a stream of the VM is. Joining and leaving happen one after the other.
final class VMTap: Sendable {
  /// The disks that a stream has, by their export names.
  private final class Disks: Sendable {
    let all = Mutex<[String: VolumeTap]>([:])
  }

  /// What the hypervisor is told; the names are the first stream's, and stay.
  let reply: ProtectReply
  private let disks = Disks()
  private let server: NBDServer

  /// Listens on a socket that is named after the VM's first stream.
  init(firstStream name: StreamIdentifier, context: ProtectionContext) throws {
    reply = ProtectReply(
      tapSocketPath: "\(context.runFolder)/\(name).tap",
      pullSocketPath: "\(SocketAccess.pullFolder(in: context.runFolder))/\(name)"
    )
    let disks = disks
    server = try NBDServer(socketPath: reply.tapSocketPath) { name in
      disks.all.withLock { $0[name] }.map { TapExport(volume: $0) }
    }
    try server.start()
    do { try context.sockets.admit(to: reply.tapSocketPath) } catch {
      server.stop()
      throw error
    }
  }

  var isEmpty: Bool { disks.all.withLock { $0.isEmpty } }

  /// Has a stream take the writes of these disks; its buffer counts them in this order.
  func join(_ buffer: StreamBuffer, _ volumes: [ProtectRequest.Volume]) {
    for (index, volume) in volumes.enumerated() {
      let name = volume.identifier.rawValue
      let hasGrown = disks.all.withLock { all in
        let disk = all[name] ?? VolumeTap()
        all[name] = disk
        return disk.join(buffer, volume: index, byteCount: volume.byteCount)
      }
      // What holds for a connection is what it was told; the next one is told the new size.
      if hasGrown { server.disconnect(exportName: name) }
    }
  }

  /// Takes nothing for a stream any more; disks that no other one has are let go.
  func leave(_ buffer: StreamBuffer) {
    let unused = disks.all.withLock { all in
      let unused = all.filter { $0.value.leave(buffer) }.map(\.key)
      for name in unused { all[name] = nil }
      return unused
    }
    for name in unused { server.disconnect(exportName: name) }
  }

  /// Closes the hypervisor's connections, which frees the guest.
  func stop() { server.stop() }
}
