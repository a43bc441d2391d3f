// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Takes a handshake message apart, front to back; nil as soon as it is too short.
struct MessageReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// Whether everything was taken.
  var isAtEnd: Bool { rest.isEmpty }

  /// Takes an integer in network byte order.
  mutating func take<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
    let byteCount = Integer.bitWidth / 8
    guard rest.count >= byteCount else { return nil }
    defer { rest = rest.dropFirst(byteCount) }
    return rest.prefix(byteCount).reduce(0) { $0 << 8 | Integer($1) }
  }

  /// Takes `byteCount` bytes of UTF-8; nil also if they are not.
  mutating func takeText(byteCount: Int) -> String? {
    guard rest.count >= byteCount else { return nil }
    defer { rest = rest.dropFirst(byteCount) }
    return String(validating: rest.prefix(byteCount), as: UTF8.self)
  }

  /// Takes a text that has its length, in bytes, before it.
  mutating func takeCountedText() -> String? {
    guard let byteCount = take(UInt32.self) else { return nil }
    return takeText(byteCount: Int(byteCount))
  }

  /// Takes everything that is left as text.
  mutating func takeRemainingText() -> String? { takeText(byteCount: rest.count) }
}
