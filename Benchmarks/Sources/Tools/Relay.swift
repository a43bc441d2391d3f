// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Passes TCP connections on to another port and counts what goes through, both ways.
final class Relay: Sendable {
  let port: Int
  private let target: Int
  private let listener: Int32
  private let count = Atomic<Int>(0)

  /// Bytes of both directions since the start.
  var byteCount: Int { count.load(ordering: .relaxed) }

  init(to target: Int, stage: Stage) throws {
    self.target = target
    port = try Machine.freePort()
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    guard Self.withAddress(port, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0 else {
      throw BenchError("cannot listen on port \(port)")
    }
    self.listener = listener
    Thread.detachNewThread { [self] in acceptClients() }
    stage.onClose { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  private func acceptClients() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard Self.withAddress(target, { connect(server, $0, $1) }) == 0 else {
        close(client)
        close(server)
        continue
      }
      for (from, to) in [(client, server), (server, client)] {
        Thread.detachNewThread { [self] in pass(from, to) }
      }
    }
    close(listener)
  }

  /// The descriptors stay open, shut down: each is used by two threads, and there are few.
  private func pass(_ from: Int32, _ to: Int32) {
    var bytes = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let received = recv(from, &bytes, bytes.count, 0)
      guard received > 0 else { break }
      var sent = 0
      while sent < received {
        let step = bytes.withUnsafeBytes {
          send(to, $0.baseAddress.map { $0 + sent }, received - sent, Int32(MSG_NOSIGNAL))
        }
        guard step > 0 else { break }
        sent += step
      }
      count.add(received, ordering: .relaxed)
      if sent < received { break }
    }
    shutdown(from, Int32(SHUT_RDWR))
    shutdown(to, Int32(SHUT_RDWR))
  }

  /// Calls with an address of this machine.
  private static func withAddress(
    _ port: Int,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
