// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The first half of a block's SHA-256: enough to tell whether two sites hold the same block.
package struct BlockHash: Hashable, Sendable {
  /// Bytes of one hash on the link.
  package static let byteCount = 16

  /// Bytes 0..<8 of the digest, the first one lowest.
  package let low: UInt64
  /// Bytes 8..<16 of the digest, the first one lowest.
  package let high: UInt64

  package init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Takes the first 16 bytes of a digest.
  package init(firstHalfOf digest: UnsafeRawBufferPointer) {
    precondition(digest.count >= Self.byteCount, "too short for a hash")
    unsafe low = UInt64(littleEndian: digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    unsafe high = UInt64(littleEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }
}
