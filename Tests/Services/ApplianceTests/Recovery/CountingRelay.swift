// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// A line between two sites: passes a TCP connection on and counts the bytes of both directions.
final class CountingRelay: Sendable {
  let port: Int
  private let listener: Int32
  private let counted = Atomic<Int>(0)

  var byteCount: Int { counted.load(ordering: .relaxed) }

  init(to target: Int) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    try #require(Self.call(bind, listener, port: 0) == 0 && listen(listener, 4) == 0)
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let found = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
    }
    try #require(found == 0)
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [self] in serve(target) }
  }

  /// Takes no more connections; those there are end with their ends.
  func close() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ target: Int) {
    while case let client = accept(listener, nil, nil), client >= 0 {
      let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      guard Self.call(connect, server, port: target) == 0 else {
        Glibc.close(client)
        Glibc.close(server)
        continue
      }
      // Each descriptor is used by two threads, so it is shut down and left to the process' end.
      Thread.detachNewThread { [self] in pass(client, server) }
      Thread.detachNewThread { [self] in pass(server, client) }
    }
    Glibc.close(listener)
  }

  private func pass(_ from: Int32, _ to: Int32) {
    var bytes = [UInt8](repeating: 0, count: 1 << 18)
    while case let count = recv(from, &bytes, bytes.count, 0), count > 0 {
      counted.add(count, ordering: .relaxed)
      var rest = bytes[..<count]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes { send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent > 0 else { break }
        rest = rest.dropFirst(sent)
      }
      if !rest.isEmpty { break }
    }
    shutdown(from, Int32(SHUT_RDWR))
    shutdown(to, Int32(SHUT_RDWR))
  }

  private static func call(
    _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32,
    _ descriptor: Int32,
    port: Int
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
