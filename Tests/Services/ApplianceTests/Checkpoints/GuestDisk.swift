// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDProtocol
import Synchronization

@testable import NBDTransport

/// A hypervisor's connection to a tap: every write is acknowledged before the next one goes out.
struct GuestDisk {
  let socket: UnixSocket

  init(socketPath: String, exportName: String) throws {
    socket = try UnixSocket.connected(to: socketPath, timeoutInSeconds: 20)
    var machine = NBDClientHandshake(exportName: exportName)
    var step = machine.begin()
    while true {
      try socket.send(step.message)
      switch step.next {
      case .receive(let byteCount):
        step = machine.received(try socket.receive(byteCount: byteCount))
      case .transmit: return
      case .close(let failure): throw failure
      }
    }
  }

  /// Writes a number, and returns when the tap has acknowledged it.
  func write(_ number: UInt64, at offset: UInt64) throws {
    let request = NBDRequest(.write, cookie: number, offset: offset, length: 8)
    var bytes = [UInt8](repeating: 0, count: NBDRequest.encodedByteCount)
    var span = bytes.mutableSpan
    var writable = span.mutableBytes
    request.encode(into: &writable)
    let payload = withUnsafeBytes(of: number.littleEndian) { Array($0) }
    try socket.send(bytes + payload)
    let reply = try socket.receive(byteCount: NBDSimpleReply.encodedByteCount)
    guard let reply = NBDSimpleReply(decoding: reply.span.bytes), reply.error == nil else {
      throw NBDErrorCode.inputOutput
    }
  }
}

/// A client that writes a number to one VM's disk, to the next one's once that is acknowledged, and
/// then the next number, until it is told to stop.
final class DependentClient: Sendable {
  private let isOver = Atomic(false)
  private let error = Mutex<(any Error)?>(nil)
  private let isDone = Atomic(false)

  init(_ disks: [GuestDisk], at offset: UInt64) {
    Thread {
      do { try self.write(to: disks, at: offset) } catch { self.error.withLock { $0 = error } }
      self.isDone.store(true, ordering: .releasing)
    }.start()
  }

  private func write(to disks: [GuestDisk], at offset: UInt64) throws {
    var number: UInt64 = 0
    while !isOver.load(ordering: .relaxed) {
      number += 1
      for disk in disks { try disk.write(number, at: offset) }
    }
  }

  func stop() async throws {
    isOver.store(true, ordering: .relaxed)
    while !isDone.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(5)) }
    if let error = error.withLock({ $0 }) { throw error }
  }
}
