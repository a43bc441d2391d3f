// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ReplicationProtocol

/// Batches that are used again: memory the kernel has handed out once is not asked of it anew.
///
/// Safe to use from any thread.
///
/// `@unchecked Sendable`: the monitor guards the batches.
final class BatchPool: @unchecked Sendable {
  /// Memory that is kept for later, in bytes.
  private static let byteLimit = 8 << 20
  /// A batch that has grown beyond this is not kept.
  private static let batchByteLimit = 2 << 20

  private let monitor = Monitor()
  private var batches: [RecordBatch] = []
  private var byteCount = 0

  /// An empty batch.
  func take() -> RecordBatch {
    let kept: RecordBatch? = monitor.withLock {
      guard let batch = batches.popLast() else { return nil }
      byteCount -= batch.capacity
      return batch
    }
    return kept ?? RecordBatch(payloadCapacity: 0)
  }

  /// Gives back a batch that nobody uses any more.
  func give(_ batch: RecordBatch) {
    guard batch.capacity <= Self.batchByteLimit else { return }
    batch.removeAll()
    monitor.withLock {
      guard byteCount + batch.capacity <= Self.byteLimit else { return }
      byteCount += batch.capacity
      batches.append(batch)
    }
  }
}
