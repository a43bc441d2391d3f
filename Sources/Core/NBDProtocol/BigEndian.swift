// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension RawSpan {
  /// The integer at `offset` in network byte order; must lie inside the span.
  @inline(__always)
  func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int,
    as type: Integer.Type
  ) -> Integer {
    Integer(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension MutableRawSpan {
  /// Writes `value` at `offset` in network byte order; must fit.
  @inline(__always)
  mutating func storeBigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ value: Integer,
    at offset: Int
  ) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: Integer.self)
  }
}

extension [UInt8] {
  /// Appends `value` in network byte order.
  mutating func append<Integer: FixedWidthInteger>(bigEndian value: Integer) {
    for shift in stride(from: Integer.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
