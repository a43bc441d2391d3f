// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ReplicationProtocol
import Testing

struct ChecksumTests {
  /// CRC32C bit by bit, as its definition has it (RFC 3720, appendix B.4).
  static func byBit(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 0 ? 0 : 0x82f6_3b78) }
    }
    return ~crc
  }

  static let bytes = (0..<13000).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 5) }

  @Test func `the check value is the published one`() {
    #expect(Array("123456789".utf8).withUnsafeBytes { payloadChecksum($0) } == 0xe306_9283)
  }

  // Long payloads are summed in three lanes of 1360 bytes at once.
  @Test(arguments: [
    0, 1, 7, 8, 9, 512, 1360, 4079, 4080, 4081, 4087, 4096, 8159, 8160, 8169, 12_289,
  ])
  func `every length is summed as by definition, wherever it begins`(byteCount: Int) {
    for start in [0, 1, 7, 12] {
      let slice = Self.bytes[start..<start + byteCount]
      let sum = Self.bytes.withUnsafeBytes {
        payloadChecksum(UnsafeRawBufferPointer(rebasing: $0[slice.indices]))
      }
      #expect(sum == (byteCount == 0 ? 0 : Self.byBit(slice)))
    }
  }
}
