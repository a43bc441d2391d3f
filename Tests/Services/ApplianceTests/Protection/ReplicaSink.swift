// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport

/// A receiving side that applies records to disks in memory.
///
/// `@unchecked Sendable`: the monitor guards everything.
final class ReplicaSink: StreamSink, @unchecked Sendable {
  let monitor = Monitor()
  var disks: [[UInt8]]
  private(set) var records: [StreamRecord] = []
  private(set) var tags: [String] = []
  private var durable = SequenceNumber(0)
  private var isComplete = false
  private var session: (any StreamSession)?
  private var isHolding = false
  /// How many more questions for hashes are answered.
  private var answersLeft = Int.max
  private var unanswered: [@Sendable () -> Void] = []

  init(volumeSizes: [Int]) { disks = volumeSizes.map { [UInt8](repeating: 0, count: $0) } }

  func opened(session: any StreamSession) throws -> StreamWelcome {
    monitor.withLock {
      self.session = session
      return StreamWelcome(durable: durable, isComplete: isComplete, isAccepting: true)
    }
  }

  func receive(_ batch: RecordBatch, session: any StreamSession) {
    monitor.withLock {
      var start = 0
      for record in batch.records {
        apply(record, Array(batch.payload[start..<start + record.payloadByteCount]))
        start += record.payloadByteCount
      }
      records += batch.records
      guard let last = batch.last else { return }
      durable = last
      monitor.broadcast()
      if !isHolding { session.acknowledge(through: last) }
    }
  }

  private func apply(_ record: StreamRecord, _ payload: [UInt8]) {
    let start = Int(record.offset)
    switch record.kind {
    case .write:
      disks[Int(record.volume)].replaceSubrange(start..<start + payload.count, with: payload)
    case .zeroes:
      for index in start..<start + Int(record.length) { disks[Int(record.volume)][index] = 0 }
    case .mark: tags.append(String(decoding: payload, as: UTF8.self))
    case .syncBegan: break
    case .syncEnded: isComplete = true
    }
  }

  func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int,
    reply: @escaping @Sendable (Result<[BlockHash], any Error>) -> Void
  ) {
    let isAnswered = monitor.withLock {
      answersLeft -= 1
      if answersLeft < 0 {
        unanswered.append { reply(.failure(CancellationError())) }
      }
      return answersLeft >= 0
    }
    guard isAnswered else { return }
    let hashes = monitor.withLock {
      (0..<count).map { block in
        let start = Int(offset) + block * blockSize
        let end = min(start + blockSize, disks[volume].count)
        return SHA256.hash(data: disks[volume][start..<end]).withUnsafeBytes {
          BlockHash(firstHalfOf: $0)
        }
      }
    }
    reply(.success(hashes))
  }

  func closed(session: any StreamSession) {}

  /// Answers so many questions for hashes, and leaves those after them waiting.
  func answerQuestions(_ count: Int) {
    let refused = monitor.withLock {
      answersLeft = count
      defer { unanswered = [] }
      return unanswered
    }
    for refuse in refused { refuse() }
  }

  /// While held, nothing is acknowledged.
  func hold(_ isHolding: Bool) {
    monitor.withLock {
      self.isHolding = isHolding
      if !isHolding { session?.acknowledge(through: durable) }
    }
  }

  func cutLink() { monitor.withLock { session }?.close("cut for the test") }
}
