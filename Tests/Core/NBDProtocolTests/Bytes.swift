// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Bytes written as hexadecimal, with spaces and line ends anywhere between them.
func bytes(_ hexadecimal: String) -> [UInt8] {
  let digits = hexadecimal.filter { !$0.isWhitespace }
  precondition(digits.count % 2 == 0, "half a byte")
  return stride(from: 0, to: digits.count, by: 2).map { position in
    let start = digits.index(digits.startIndex, offsetBy: position)
    guard let byte = UInt8(digits[start...].prefix(2), radix: 16) else {
      preconditionFailure("not hexadecimal: \(digits)")
    }
    return byte
  }
}

/// Runs `encode` on `byteCount` bytes and returns them.
func encoded(_ byteCount: Int, _ encode: (inout MutableRawSpan) -> Void) -> [UInt8] {
  var result = [UInt8](repeating: 0xee, count: byteCount)
  var span = result.mutableSpan
  var raw = span.mutableBytes
  encode(&raw)
  return result
}
