// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation

/// A connection to a unix socket, for whoever blocks.
final class UnixConnection: @unchecked Sendable {
  // `@unchecked Sendable`: the descriptor never changes; one thread reads, and one writes.
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = understudy_connect_unix(path, 30)
    guard descriptor >= 0 else {
      throw BenchError("cannot connect to \(path): \(String(cString: strerror(-descriptor)))")
    }
  }

  deinit { close(descriptor) }

  func send(_ bytes: UnsafeRawBufferPointer) throws {
    guard understudy_send_all(descriptor, bytes.baseAddress, bytes.count) == 0 else {
      throw BenchError("the connection was closed while sending")
    }
  }

  func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try send($0) } }

  /// What is there, at least one byte.
  func receive(into bytes: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = understudy_receive(descriptor, bytes.baseAddress, bytes.count)
    guard count > 0 else { throw BenchError("the connection was closed while receiving") }
    return count
  }

  func receive(count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { buffer in
      var filled = 0
      while filled < count {
        filled += try receive(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      }
    }
    return bytes
  }

  /// Wakes who waits, for good.
  func shutDown() { understudy_shut_down(descriptor) }
}
