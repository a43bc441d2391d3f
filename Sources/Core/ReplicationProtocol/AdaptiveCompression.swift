// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Decides which batches are worth compressing.
///
/// Data that does not shrink is usually followed by more of its kind: after a batch that did not
/// shrink the next ones go uncompressed, one at first, twice as many after each further failure.
package struct AdaptiveCompression: Hashable, Sendable {
  /// The most batches passed over between two attempts.
  package static let longestPause = 64
  /// Payloads shorter than this are not worth the attempt.
  package static let leastByteCount = 512

  /// The least thorough search: 1.4 times as fast as the most thorough one, for a fifth more bytes.
  package static let greatestAcceleration = 8

  /// How much thoroughness is given up for speed, 1 for none; as lz4 counts it.
  package private(set) var acceleration = 1
  private var pause = 0
  private var remaining = 0

  package init() {}

  /// Told before each batch whether the link has nothing to send: then it is the compressing that
  /// is too slow, and fewer bytes are worth less than sooner ones.
  package mutating func pace(isLinkIdle: Bool) {
    acceleration =
      isLinkIdle ? min(acceleration * 2, Self.greatestAcceleration) : max(acceleration / 2, 1)
  }

  /// Asked once for each batch.
  package mutating func shouldTry(byteCount: Int) -> Bool {
    guard byteCount >= Self.leastByteCount else { return false }
    guard remaining == 0 else {
      remaining -= 1
      return false
    }
    return true
  }

  /// What an attempt came to.
  ///
  /// - Returns: Whether the compressed form is to be used: it saves at least a sixteenth.
  package mutating func tried(byteCount: Int, compressedByteCount: Int) -> Bool {
    if compressedByteCount > 0, compressedByteCount <= byteCount - byteCount / 16 {
      pause = 0
      return true
    }
    pause = min(max(pause * 2, 1), Self.longestPause)
    remaining = pause
    return false
  }
}
