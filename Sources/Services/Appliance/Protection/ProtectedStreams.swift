// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel
internal import ReplicationTransport

/// All the streams an appliance takes from its host's VMs and sends away.
///
/// Methods may block for some hundred milliseconds: call them on a thread of their own.
///
/// `@unchecked Sendable`: one monitor guards the table, the other makes changes happen one after
/// the other.
package final class ProtectedStreams: @unchecked Sendable {
  private let context: ProtectionContext
  private let changes = Monitor()
  private let monitor = Monitor()
  private var streams: [StreamIdentifier: ProtectedStream] = [:]
  /// The taps of the VMs that streams are taken from; used by changes alone.
  private var taps: [VMIdentifier: VMTap] = [:]

  package init(context: ProtectionContext) { self.context = context }

  /// Takes a VM's writes as the request says; asked again, changes what differs.
  ///
  /// Several streams may take the writes of one VM: its tap feeds them all, and none loses anything
  /// when another one comes or goes. Other volumes mean another buffer, and another tap if there is
  /// no other stream: the hypervisor's connections are closed then.
  package func protect(
    _ name: StreamIdentifier,
    _ request: ProtectRequest
  ) throws(ControlFailure) -> ProtectReply {
    try Self.check(name, request)
    changes.lock()
    defer { changes.unlock() }
    do {
      if let stream = monitor.withLock({ streams[name] }) {
        if stream.canBecome(request) {
          try stream.become(request)
          return stream.tap.reply
        }
        monitor.withLock { streams[name] = nil }
        close(stream)
      }
      let tap = try taps[request.vm] ?? VMTap(firstStream: name, context: context)
      taps[request.vm] = tap
      defer { stopUnusedTaps() }
      let stream = try ProtectedStream(name: name, request: request, tap: tap, context: context)
      monitor.withLock { streams[name] = stream }
      return tap.reply
    } catch {
      throw ControlFailure(status: 500, message: "\(error)")
    }
  }

  /// Ends a stream.
  ///
  /// One that is not there is fine.
  package func unprotect(_ name: StreamIdentifier) {
    changes.withLock {
      if let stream = monitor.withLock({ streams.removeValue(forKey: name) }) { close(stream) }
    }
  }

  private func close(_ stream: ProtectedStream) {
    stream.close()
    stopUnusedTaps()
  }

  /// Ends taps that feed no stream: the hypervisor's connections are closed, which frees the guest.
  private func stopUnusedTaps() {
    for (vm, tap) in taps where tap.isEmpty {
      tap.stop()
      taps[vm] = nil
    }
  }

  /// Begins a sync by maps of changes; see ``BeginSyncRequest``.
  package func beginSync(
    _ name: StreamIdentifier,
    _ request: BeginSyncRequest
  ) throws(ControlFailure) -> BeginSyncReply {
    changes.lock()
    defer { changes.unlock() }
    guard let stream = monitor.withLock({ streams[name] }) else {
      throw ControlFailure(status: 404, message: "this appliance does not protect stream \(name)")
    }
    return try stream.beginSync(request)
  }

  /// Begins a sync of a stream; see ``SyncRequest``.
  package func sync(_ name: StreamIdentifier, _ request: SyncRequest) throws(ControlFailure) {
    changes.lock()
    defer { changes.unlock() }
    guard let stream = monitor.withLock({ streams[name] }) else {
      throw ControlFailure(status: 404, message: "this appliance does not protect stream \(name)")
    }
    try stream.sync(request)
  }

  /// Marks a checkpoint in all the streams or in none.
  package func mark(_ request: MarkRequest) -> MarkReply {
    reply(of: request.streams) {
      StreamBuffer.mark(request.checkpoint, in: $0, resting: request.resting)
    }
  }

  /// Keeps acknowledgements back in all the streams or in none; see ``HoldRequest``.
  package func hold(_ request: HoldRequest) -> MarkReply {
    reply(of: request.streams) {
      StreamBuffer.hold(
        request.checkpoint,
        in: $0,
        resting: request.resting,
        limitInMicroseconds: Int64(min(max(request.limitInMilliseconds, 0), 1000)) * 1000
      )
    }
  }

  /// Lets go of all the streams, with a mark in all of them or in none; see ``ReleaseRequest``.
  package func release(_ request: ReleaseRequest) -> MarkReply {
    reply(of: request.streams) {
      StreamBuffer.release(request.checkpoint, in: $0, keepsMark: request.keepsMark)
    }
  }

  /// Does something to several streams, in the order of their names.
  ///
  /// `action` returns why it was not done.
  private func reply(
    of names: [StreamIdentifier],
    _ action: (StreamBuffer.Streams) -> String?
  ) -> MarkReply {
    var found: StreamBuffer.Streams = []
    for name in Set(names).sorted() {
      guard let stream = monitor.withLock({ streams[name] }) else {
        return MarkReply(
          isMarked: false,
          reason: "this appliance does not protect stream \(name)"
        )
      }
      found.append((name, stream.buffer))
    }
    let reason = action(found)
    return MarkReply(isMarked: reason == nil, reason: reason ?? "")
  }

  /// All streams, by name.
  package func status() -> [StreamStatus] {
    let all = monitor.withLock { streams.sorted { $0.key < $1.key }.map(\.value) }
    return all.map { $0.status() }
  }

  /// Ends all streams, before the appliance ends.
  package func closeAll() {
    changes.withLock {
      let all = monitor.withLock {
        defer { streams = [:] }
        return Array(streams.values)
      }
      for stream in all { close(stream) }
    }
  }

  private static func check(
    _ name: StreamIdentifier,
    _ request: ProtectRequest
  ) throws(ControlFailure) {
    func refuse(_ message: String) -> ControlFailure {
      ControlFailure(status: 400, message: message)
    }
    // The name becomes a file's.
    guard !name.rawValue.isEmpty, name.rawValue.utf8.count <= 64,
      name.rawValue.utf8.allSatisfy({ $0 == 0x2d || ($0 < 0x80 && isLetterOrDigit($0)) })
    else { throw refuse("a stream's name has letters, digits and hyphens, at most 64") }
    guard !request.volumes.isEmpty else { throw refuse("the stream has no volumes") }
    guard request.volumes.count <= 256 else { throw refuse("the stream has too many volumes") }
    guard Set(request.volumes.map(\.identifier)).count == request.volumes.count else {
      throw refuse("a volume is named twice")
    }
    guard request.volumes.allSatisfy({ $0.byteCount > 0 && $0.byteCount % 512 == 0 }) else {
      throw refuse("a volume's size is a multiple of 512 bytes and not 0")
    }
    let numbers = Set(request.volumes.map(\.number))
    guard numbers.count == request.volumes.count,
      numbers.allSatisfy({ (0..<VolumeSizes.limit).contains($0) })
    else { throw refuse("volumes have numbers of their own, below \(VolumeSizes.limit)") }
    guard (1...65535).contains(request.remotePort) else { throw refuse("there is no such port") }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    let isDigit = (0x30...0x39).contains(byte)
    return isDigit || (0x61...0x7a).contains(byte | 0x20)
  }
}
