// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

/// Answers questions for hashes from a journal's newest content.
struct BlockHasher {
  let journal: StreamJournal
  let volumes: VolumeSizes

  /// The hashes of the blocks; the last one may be cut by the volume's end.
  ///
  /// Blocks that are known to be zero are not read: most of a thin disk is.
  /// A block of which the journal is damaged has the hash of none.
  func hashes(_ question: HashQuestion) throws -> [BlockHash] {
    guard question.volume >= 0, question.blockSize > 0,
      question.count > 0, question.count <= HashQuestion.byteLimit / question.blockSize
    else { throw HashQuestion.Failure.invalidRange }
    let size = volumes[question.volume]
    guard question.offset < size else { throw HashQuestion.Failure.invalidRange }
    let byteCount = Int(
      min(size - question.offset, UInt64(question.blockSize) * UInt64(question.count))
    )
    guard byteCount > (question.count - 1) * question.blockSize else {
      throw HashQuestion.Failure.invalidRange
    }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    defer { bytes.deallocate() }
    let zeroes = try zeroBlocks(question, byteCount)
    let result = Result { () throws(JournalError) in
      for run in Self.runs(of: zeroes) {
        let end = min(run.upperBound * question.blockSize, byteCount)
        let part = UnsafeMutableRawBufferPointer(
          rebasing: bytes[run.lowerBound * question.blockSize..<end]
        )
        try journal.readLatest(
          volume: question.volume,
          at: question.offset + UInt64(run.lowerBound * question.blockSize),
          into: part
        )
      }
    }
    switch result {
    case .success: break
    case .failure(.corrupt) where question.count > 1:
      return try eachAlone(question)
    case .failure(.corrupt):
      // What no block's content has: the sender sends the block, which ends the damage.
      return [SHA256.hash(data: []).withUnsafeBytes { BlockHash(firstHalfOf: $0) }]
    case .failure(let error):
      throw error
    }
    let zeroHash =
      zeroes.contains(true)
      ? [UInt8](repeating: 0, count: question.blockSize).withUnsafeBytes(Self.hash) : nil
    return zeroes.enumerated().map { index, isZero in
      if isZero, let zeroHash { return zeroHash }
      let start = index * question.blockSize
      return Self.hash(
        UnsafeRawBufferPointer(
          rebasing: bytes[start..<min(start + question.blockSize, byteCount)]
        )
      )
    }
  }

  private static func hash(_ block: UnsafeRawBufferPointer) -> BlockHash {
    SHA256.hash(data: block).withUnsafeBytes { BlockHash(firstHalfOf: $0) }
  }

  /// Of each block, whether all of it is known to be zero; one that the volume's end cuts is not.
  private func zeroBlocks(
    _ question: HashQuestion,
    _ byteCount: Int
  ) throws(JournalError) -> [Bool] {
    var blocks = [Bool](repeating: false, count: question.count)
    var position = 0
    let extents = try journal.latestExtents(
      volume: question.volume,
      at: question.offset,
      count: UInt64(byteCount),
      limit: 2 * question.count
    )
    for extent in extents {
      let end = position + Int(extent.count)
      if extent.isZero {
        let first = (position + question.blockSize - 1) / question.blockSize
        for block in first..<max(first, end / question.blockSize) { blocks[block] = true }
      }
      position = end
    }
    return blocks
  }

  /// The runs of blocks that have to be read.
  private static func runs(of zeroes: [Bool]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for (index, isZero) in zeroes.enumerated() where !isZero {
      if let last = runs.last, last.upperBound == index {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }

  private func eachAlone(_ question: HashQuestion) throws -> [BlockHash] {
    try (0..<question.count).flatMap { index in
      try hashes(
        HashQuestion(
          volume: question.volume,
          offset: question.offset + UInt64(index * question.blockSize),
          blockSize: question.blockSize,
          count: 1,
          reply: { _ in }
        )
      )
    }
  }
}
