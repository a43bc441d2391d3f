// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Numeric network addresses.
enum NetworkAddress {
  /// The 4 or 16 bytes of an IPv4 or IPv6 address in network order; nil for a host name.
  static func bytes(of text: String) -> [UInt8]? {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if inet_pton(family, text, &bytes) == 1 { return bytes }
    }
    return nil
  }
}
