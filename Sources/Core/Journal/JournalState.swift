// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Where a journal stands.
package struct JournalState: Hashable, Sendable {
  /// The last durable record: the sender goes on after it.
  package var durable: SequenceNumber
  /// The record the replicas are as of, or are being brought to: points before it are gone.
  package var folded: SequenceNumber
  /// Whether the first sync has finished.
  package var isComplete: Bool
  /// Whether the journal was folded for good.
  package var isPromoted: Bool
  /// The kind of the sync whose records are coming in; 0 if none.
  package var openSync: UInt64

  /// The same as the API shows it.
  package var sync: SyncState {
    guard isComplete else { return .initialSync }
    return switch openSync {
    case 0: .ordered
    case 3: .bitmapSync
    default: .deltaSync
    }
  }
}

/// A journal's sizes and counts.
package struct JournalStatistics: Hashable, Sendable {
  /// Bytes of segments in use.
  package var journalByteCount: UInt64
  package var segmentCount: Int
  package var extentCount: Int
  package var holdCount: Int
  package var checkpointCount: Int
  package var earliestCheckpoint: Checkpoint?
  package var latestCheckpoint: Checkpoint?
}

/// Stands for one hold of one journal.
package struct HoldToken: Hashable, Sendable {
  let number: UInt64
}
