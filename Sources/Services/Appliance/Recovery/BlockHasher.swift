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
    let result = Result { () throws(JournalError) in
      try journal.readLatest(volume: question.volume, at: question.offset, into: bytes)
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
    return stride(from: 0, to: byteCount, by: question.blockSize).map { start in
      let block = UnsafeRawBufferPointer(
        rebasing: bytes[start..<min(start + question.blockSize, byteCount)]
      )
      return SHA256.hash(data: block).withUnsafeBytes { BlockHash(firstHalfOf: $0) }
    }
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
