// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Random numbers that are the same for the same seed, on every machine (xorshift64*).
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) {
    // Spread over all bits, and never zero: zero would stay zero.
    state = (seed &+ 1) &* 0x9e37_79b9_7f4a_7c15 | 1
    for _ in 0..<8 { _ = next() }
  }

  package mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }

  /// True once in `count` times, on average.
  package mutating func oneIn(_ count: Int) -> Bool {
    Int.random(in: 0..<count, using: &self) == 0
  }
}
