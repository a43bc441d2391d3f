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

/// Why a journal's history is shorter than it should be.
package struct HistoryShortening: Hashable, Sendable {
  /// What there is not enough of.
  package enum Reason: Hashable, Sendable {
    /// The hard limit that was set.
    case hardLimit
    /// Room on the disk.
    case diskFull
  }

  package var reason: Reason
  /// From the oldest record that is left to the newest one.
  package var keptSeconds: Double
  /// What the settings ask for.
  package var wantedSeconds: Int
}

/// A journal's sizes and counts.
package struct JournalStatistics: Hashable, Sendable {
  /// Bytes of headers and batches: what the hard limit is about.
  package var journalByteCount: UInt64
  /// Bytes of all segments' files and spare ones.
  package var allocatedByteCount: UInt64
  package var segmentCount: Int
  /// Files kept for new segments.
  package var spareCount: Int
  package var extentCount: Int
  /// Parts of the index that a read looks into.
  package var runCount: Int
  package var holdCount: Int
  package var checkpointCount: Int
  package var earliestCheckpoint: Checkpoint?
  package var latestCheckpoint: Checkpoint?
  /// The sender's time of the oldest record in the journal.
  package var oldestTime: WallTime?
  /// The sender's time of the newest record in the journal.
  package var newestTime: WallTime?
  /// Set if the last call of ``StreamJournal/enforceRetention(now:)`` left less than is wanted.
  package var shortened: HistoryShortening?
  /// Whether the disk was found full and has no room again yet.
  package var isSpaceShort: Bool
  /// Index files that were missing or damaged when the journal was opened; their segments were
  /// read instead.
  package var rebuiltIndexes: [String]
  /// What reads and folds have found damaged since the journal was opened, while segments have it.
  package var damages: [JournalDamage]
}

/// Stands for one hold of one journal.
package struct HoldToken: Hashable, Sendable {
  let number: UInt64
}
