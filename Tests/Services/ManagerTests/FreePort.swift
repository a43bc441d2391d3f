// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A TCP port that was free a moment ago.
struct FreePort {
  /// Why there is none.
  struct Failure: Error {
    let number: Int32
  }

  let number: Int

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(number: errno) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
      guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
      guard bind(descriptor, base, length) == 0 else { return -1 }
      return getsockname(descriptor, base, &length)
    }
    guard result == 0 else { throw Failure(number: errno) }
    number = Int(UInt16(bigEndian: address.sin_port))
  }
}
