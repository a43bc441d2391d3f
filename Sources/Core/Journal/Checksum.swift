// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CChecksum

/// CRC32C over one or several pieces of bytes.
struct Checksum {
  private(set) var value: UInt32 = 0

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    unsafe value = understudy_crc32c(value, start, bytes.count)
  }

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = Checksum()
    unsafe checksum.add(bytes)
    return checksum.value
  }

  /// Whether all bytes are zero; none are too.
  static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress else { return true }
    return unsafe understudy_is_zero(start, bytes.count) != 0
  }
}
