// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ReplicationProtocol
internal import ReplicationTransport

/// What a journal's writer thread is to do, in the order it came.
enum JournalWork {
  case append(RecordBatch, any StreamSession)
  case hash(HashQuestion)
}

/// A sender's question for hashes of blocks that follow each other.
struct HashQuestion: Sendable {
  /// Most bytes that one question may ask for.
  static let byteLimit = 64 << 20

  /// Why a question is not answered.
  enum Failure: Error {
    case invalidRange
    /// The session was replaced or closed.
    case withdrawn
  }

  let volume: Int
  let offset: UInt64
  let blockSize: Int
  let count: Int
  let reply: @Sendable (Result<[BlockHash], any Error>) -> Void

  func withdraw() { reply(.failure(Failure.withdrawn)) }
}
