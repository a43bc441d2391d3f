// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How the payloads of a frame are compressed; the raw value is the frame's flags.
package enum PayloadCompression: UInt8, Sendable, CaseIterable, Codable {
  case none = 0
  /// An LZ4 block: cheap enough for any link.
  case lz4 = 1
  /// A Zstandard frame (RFC 8878): smaller, and several times the work.
  case zstd = 2
}

/// The compressions that a receiver can undo, told in its welcome.
package struct CompressionSet: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let lz4 = CompressionSet(rawValue: 1)
  package static let zstd = CompressionSet(rawValue: 2)
  /// All that this code can undo.
  package static let all: CompressionSet = [.lz4, .zstd]

  /// What a sender that would like `wish` uses: the next simpler one if the receiver cannot undo
  /// it.
  package func best(for wish: PayloadCompression) -> PayloadCompression {
    switch wish {
    case .none: .none
    case .zstd where contains(.zstd): .zstd
    case .zstd, .lz4: contains(.lz4) ? .lz4 : .none
    }
  }
}
