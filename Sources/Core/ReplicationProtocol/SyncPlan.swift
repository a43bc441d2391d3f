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

  private struct Part {
    let volume: Int
    let range: Range<UInt64>
  }

  private let parts: [Part]
  private let totalByteCount: UInt64
  private let earlierByteCount: UInt64
  private let stepByteCount: UInt64
  private let lookahead: Int
  private var next: (part: Int, offset: UInt64) = (0, 0)
  private var asked: [(step: Step, part: Int)] = []
  private var doneByteCount: UInt64 = 0

  /// - Parameters:
  ///   - ranges: What is to be compared of each of the stream's volumes, in bytes, in order.
  ///   - stepByteCount: Bytes of a piece; the last one of a range may be shorter.
  ///   - lookahead: The most pieces that are asked of and not yet compared.
  ///   - wholeByteCount: Bytes of the volumes, of a sync that goes on where another one was
  ///     interrupted: what is not in the ranges counts as compared.
  package init(
    ranges: [[Range<UInt64>]],
    stepByteCount: Int = 1 << 20,
    lookahead: Int = 4,
    wholeByteCount: UInt64? = nil
  ) {
    parts = ranges.enumerated().flatMap { volume, ranges in
      ranges.filter { !$0.isEmpty }.map { Part(volume: volume, range: $0) }
    }
    let given = parts.reduce(0) { $0 + UInt64($1.range.count) }
    totalByteCount = max(wholeByteCount ?? given, given)
    earlierByteCount = totalByteCount - given
    self.stepByteCount = UInt64(stepByteCount)
    self.lookahead = lookahead
    next.offset = parts.first?.range.lowerBound ?? 0
  }

  /// A plan to compare volumes of these sizes as a whole.
  package init(volumeSizes: [UInt64], stepByteCount: Int = 1 << 20, lookahead: Int = 4) {
    self.init(
      ranges: volumeSizes.map { [0..<$0] },
      stepByteCount: stepByteCount,
      lookahead: lookahead
    )
  }

  /// The next piece to ask hashes of; nil if enough are asked of or none is left.
  package mutating func ask() -> Step? {
    guard asked.count < lookahead else { return nil }
    guard next.part < parts.count else { return nil }
    let part = parts[next.part]
    let byteCount = min(stepByteCount, part.range.upperBound - next.offset)
    let step = Step(volume: part.volume, offset: next.offset, byteCount: Int(byteCount))
    asked.append((step, next.part))
    next.offset += byteCount
    if next.offset == part.range.upperBound {
      next.part += 1
      if next.part < parts.count { next.offset = parts[next.part].range.lowerBound }
    }
    return step
  }

  /// The piece whose answer is due first; nil if everything is compared.
  package var current: Step? { asked.first?.step }

  /// The current piece is compared, and what differed is in the stream.
  package mutating func finish() {
    precondition(!asked.isEmpty, "nothing was asked")
    doneByteCount += UInt64(asked.removeFirst().step.byteCount)
  }

  /// No answer comes any more: what is not compared is asked of again.
  package mutating func forgetQuestions() {
    guard let first = asked.first else { return }
    next = (first.part, first.step.offset)
    asked = []
  }

  /// How far a volume of this size is compared, in bytes from its start.
  package func comparedByteCount(of volume: Int, size: UInt64) -> UInt64 {
    let position = asked.first.map { (part: $0.part, offset: $0.step.offset) } ?? next
    guard
      let part = parts.indices.dropFirst(position.part).first(where: {
        parts[$0].volume == volume
      })
    else { return size }
    return part == position.part ? position.offset : parts[part].range.lowerBound
  }

  /// The share of all bytes that is compared, 0...1.
  package var progress: Double {
    totalByteCount == 0
      ? 1 : Double(earlierByteCount + doneByteCount) / Double(totalByteCount)
  }
}
