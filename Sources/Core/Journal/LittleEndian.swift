// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// Numbers in files are little endian, at any alignment.

extension UnsafeMutableRawBufferPointer {
  func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
    unsafe storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
  }
}

extension UnsafeRawBufferPointer {
  func number<Number: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int,
    as type: Number.Type = Number.self
  ) -> Number {
    unsafe Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}
