// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The order in which a sync goes through the volumes: which piece to ask hashes of next, and which
/// piece to read and compare next.
///
/// Questions run a few pieces ahead of the reading.
package struct SyncPlan: ~Copyable {
  /// One piece of a volume.
  package struct Step: Hashable, Sendable {
    package let volume: Int
    package let offset: UInt64
    package let byteCount: Int

    package func blockCount(of blockSize: Int) -> Int { (byteCount + blockSize - 1) / blockSize }
  }

  private let volumeSizes: [UInt64]
  private let stepByteCount: UInt64
  private let lookahead: Int
  private var next: (volume: Int, offset: UInt64) = (0, 0)
  private var asked: [Step] = []
  private var doneByteCount: UInt64 = 0

  /// - Parameters:
  ///   - volumeSizes: In bytes, in the order of the stream's volumes.
  ///   - stepByteCount: Bytes of a piece; the last one of a volume may be shorter.
  ///   - lookahead: The most pieces that are asked of and not yet compared.
  package init(volumeSizes: [UInt64], stepByteCount: Int = 1 << 20, lookahead: Int = 4) {
    self.volumeSizes = volumeSizes
    self.stepByteCount = UInt64(stepByteCount)
    self.lookahead = lookahead
  }

  /// The next piece to ask hashes of; nil if enough are asked of or none is left.
  package mutating func ask() -> Step? {
    guard asked.count < lookahead else { return nil }
    while next.volume < volumeSizes.count {
      let size = volumeSizes[next.volume]
      guard next.offset < size else {
        next = (next.volume + 1, 0)
        continue
      }
      let byteCount = min(stepByteCount, size - next.offset)
      let step = Step(volume: next.volume, offset: next.offset, byteCount: Int(byteCount))
      next.offset += byteCount
      asked.append(step)
      return step
    }
    return nil
  }

  /// The piece whose answer is due first; nil if everything is compared.
  package var current: Step? { asked.first }

  /// The current piece is compared, and what differed is in the stream.
  package mutating func finish() {
    precondition(!asked.isEmpty, "nothing was asked")
    doneByteCount += UInt64(asked.removeFirst().byteCount)
  }

  /// No answer comes any more: what is not compared is asked of again.
  package mutating func forgetQuestions() {
    guard let first = asked.first else { return }
    next = (first.volume, first.offset)
    asked = []
  }

  /// The share of all bytes that is compared, 0...1.
  package var progress: Double {
    let total = volumeSizes.reduce(0, +)
    return total == 0 ? 1 : Double(doneByteCount) / Double(total)
  }
}
