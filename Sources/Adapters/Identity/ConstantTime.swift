// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Comparison whose time tells nothing about the bytes.
package enum ConstantTime {
  /// Tells whether both hold the same bytes; only their count can be learned from the time taken.
  package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for index in a.indices { difference |= a[index] ^ b[index] }
    return difference == 0
  }
}
