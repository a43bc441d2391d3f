// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ReplicationProtocol

/// Batches that are used again: memory the kernel has handed out once is not asked of it anew.
///
/// One for all sessions of a listener. Safe to use from any thread.
///
/// `@unchecked Sendable`: the monitor guards the batches.
final class BatchPool: @unchecked Sendable {
  /// Memory that is kept for later, in bytes.
  private static let byteLimit = 6 << 20
  /// A batch that has grown beyond this is not kept.
  private static let batchByteLimit = 2 << 20
  /// Smaller ones are made as quickly as they are found.
  private static let leastByteCount = 32 << 10

  private let monitor = Monitor()
  private var batches: [RecordBatch] = []
  private var byteCount = 0

  /// An empty batch with room for so many bytes of payload, and not for very many more: what a
  /// batch keeps is counted, however little is in it.
  func take(payloadByteCount: Int) -> RecordBatch {
    let kept: RecordBatch? = monitor.withLock {
      let index = batches.lastIndex {
        $0.payloadCapacity >= payloadByteCount && $0.payloadCapacity / 4 <= payloadByteCount
      }
      guard let index else { return nil }
      let batch = batches.remove(at: index)
      byteCount -= batch.capacity
      return batch
    }
    return kept ?? RecordBatch(payloadCapacity: payloadByteCount)
  }

  /// Gives back a batch that nobody uses any more.
  func give(_ batch: RecordBatch) {
    guard (Self.leastByteCount...Self.batchByteLimit).contains(batch.capacity) else { return }
    batch.removeAll()
    monitor.withLock {
      batches.append(batch)
      byteCount += batch.capacity
      // Those that were not of use for the longest time go first.
      while byteCount > Self.byteLimit { byteCount -= batches.removeFirst().capacity }
    }
  }
}
