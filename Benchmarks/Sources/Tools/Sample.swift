// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Data to write: incompressible, or a program's machine code.
///
/// `@unchecked Sendable`: nothing changes after the start.
final class Sample: @unchecked Sendable {
  enum Kind: String {
    case incompressible
    case compressible
  }

  private static let byteCount = 64 << 20
  private let bytes: UnsafeMutableRawBufferPointer

  init(_ kind: Kind) throws {
    bytes = .allocate(byteCount: Self.byteCount, alignment: 4096)
    switch kind {
    case .incompressible:
      var generator = Generator(seed: 1)
      let words = bytes.bindMemory(to: UInt64.self)
      for index in words.indices { words[index] = generator.next() }
    case .compressible:
      let program = try Data(contentsOf: URL(filePath: Machine.understudy), options: .alwaysMapped)
      guard !program.isEmpty else { throw BenchError("\(Machine.understudy) is empty") }
      var filled = 0
      while filled < bytes.count {
        let count = min(program.count, bytes.count - filled)
        program.copyBytes(
          to: UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<filled + count]),
          count: count
        )
        filled += count
      }
    }
  }

  deinit { bytes.deallocate() }

  /// The block number `index`, of `count` bytes; it repeats after 64 MiB.
  func block(_ index: Int, _ count: Int) -> UnsafeRawBufferPointer {
    let start = index % (bytes.count / count) * count
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
  }
}

/// The same numbers for the same seed: xorshift64*.
///
/// Sebastiano Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016.
struct Generator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
