// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Why the journal did not do what was asked.
package enum JournalError: Error, Hashable, Sendable {
  /// The storage below failed.
  case storage(StorageError)
  /// A segment is damaged before its end: records that were durable cannot be read, or a record's
  /// bytes are not what was written.
  case corrupt(file: String, offset: UInt64)
  /// The state file is missing beside segments, or its content is damaged.
  case stateDamaged
  /// The files were written by a newer format.
  case unsupportedVersion(UInt32)
  /// The folder holds the journal of another stream, or of volumes there are no replicas for.
  case otherStream
  /// A sync begins of volumes there are no replicas for, or that cannot follow those before.
  case otherVolumes(SequenceNumber)
  /// Records do not follow the last one.
  case gap(expected: SequenceNumber, found: SequenceNumber)
  /// A record names a volume or range that does not exist, or its payload is not what its
  /// checksum says.
  case malformed(SequenceNumber)
  /// The point is folded into the replicas together with later records.
  case pointGone(SequenceNumber)
  /// The point is after the last durable record.
  case pointAhead(SequenceNumber)
  /// The point lies inside a sync: the disks never were as the records up to it say.
  case insideSync(SequenceNumber)
  /// The first sync has not finished: there is no point to read or hold.
  case incomplete
  /// A reader or a hold needs a point that would be lost.
  case held(SequenceNumber)
  /// The journal has no such checkpoint, or none that can be recovered to.
  case unknownCheckpoint(CheckpointIdentifier)
  /// The journal was folded for good and takes no more records.
  case promoted
  /// The journal is closed, and opened elsewhere.
  case moved
}

/// Runs storage calls as part of journal work.
func stored<Result>(
  _ body: () throws(StorageError) -> Result
) throws(JournalError) -> Result {
  do { return try body() } catch { throw .storage(error) }
}
