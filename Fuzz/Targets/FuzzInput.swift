// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Takes an input apart, front to back.
struct FuzzInput {
  private var rest: Slice<UnsafeRawBufferPointer>

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  /// Exactly `count` bytes, or nil if there are fewer.
  mutating func take(_ count: Int) -> [UInt8]? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Up to `count` bytes.
  mutating func takeUp(to count: Int) -> [UInt8] { take(min(count, rest.count)) ?? [] }

  /// A little-endian number; 0 after the end.
  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    takeUp(to: Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number($1) }
  }
}
