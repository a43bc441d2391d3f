// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The marks and syncs of a stream: which points of it can be recovered to.
///
/// Within a sync the order of records is not the guest's, so marks there are passed over. A sync
/// that was begun stays open, over any number of restarts of the sender, until one ends.
struct StreamHistory {
  /// Where the history begins: the replicas' content.
  private var base: SequenceNumber
  private var baseSync: UInt64
  private var baseCheckpoint: Checkpoint?
  private var marks: [(checkpoint: Checkpoint, sequence: SequenceNumber)] = []
  private var syncs: [(sequence: SequenceNumber, kind: UInt64)] = []
  private var baseVolumes: VolumeSizes
  /// The changes of the volumes: what they are from a record on.
  private var volumeChanges: [(sequence: SequenceNumber, volumes: VolumeSizes)] = []

  /// The kind of the sync that is open after the last record; 0 if none.
  private(set) var openSync: UInt64

  init(
    base: SequenceNumber,
    sync: UInt64,
    checkpoint: Checkpoint?,
    volumes: VolumeSizes
  ) {
    self.base = base
    baseVolumes = volumes
    baseSync = sync
    baseCheckpoint = checkpoint
    openSync = sync
  }

  /// Takes note of the next record, with its payload unless it is a write.
  mutating func add(_ record: StreamRecord, payload: some Sequence<UInt8>) {
    switch record.kind {
    case .write, .zeroes: break
    case .mark:
      guard openSync == 0, let checkpoint = record.checkpoint(tag: payload) else { return }
      marks.append((checkpoint, record.sequence))
    case .syncBegan:
      openSync = record.offset
      syncs.append((record.sequence, record.offset))
      if let said = VolumeSizes(decoding: payload), said != volumes {
        volumeChanges.append((record.sequence, said.padded(to: volumes.bytes.count)))
      }
    case .syncEnded:
      openSync = 0
      syncs.append((record.sequence, 0))
    }
  }

  /// Every checkpoint that can be recovered to and is not before a point, oldest first.
  func checkpoints(from point: SequenceNumber) -> [Checkpoint] {
    let newer = marks.drop { $0.sequence < point }.map(\.checkpoint)
    guard let baseCheckpoint, base >= point else { return newer }
    return [baseCheckpoint] + newer
  }

  var checkpointCount: Int { marks.count + (baseCheckpoint == nil ? 0 : 1) }
  var earliest: Checkpoint? { baseCheckpoint ?? marks.first?.checkpoint }
  var latest: Checkpoint? { marks.last?.checkpoint ?? baseCheckpoint }

  /// The record of the newest checkpoint.
  var latestSequence: SequenceNumber? {
    marks.last?.sequence ?? (baseCheckpoint == nil ? nil : base)
  }

  func sequence(of identifier: CheckpointIdentifier) -> SequenceNumber? {
    if let mark = marks.last(where: { $0.checkpoint.identifier == identifier }) {
      return mark.sequence
    }
    return baseCheckpoint?.identifier == identifier ? base : nil
  }

  /// The checkpoint whose record is exactly this one.
  func checkpoint(at point: SequenceNumber) -> Checkpoint? {
    if point == base { return baseCheckpoint }
    return marks.first { $0.sequence == point }?.checkpoint
  }

  /// The beginning, if it is a checkpoint that is not after a time.
  func baseNotAfter(_ time: WallTime) -> SequenceNumber? {
    baseCheckpoint.flatMap { $0.time <= time ? base : nil }
  }

  /// The sync open just after a record that is not before the base; 0 if none.
  func sync(at point: SequenceNumber) -> UInt64 {
    syncs.last { $0.sequence <= point }?.kind ?? baseSync
  }

  /// The volumes after the last record.
  var volumes: VolumeSizes { volumeChanges.last?.volumes ?? baseVolumes }

  /// The volumes just after a record that is not before the base.
  func volumes(at point: SequenceNumber) -> VolumeSizes {
    volumeChanges.last { $0.sequence <= point }?.volumes ?? baseVolumes
  }

  /// Moves the beginning up to a point.
  mutating func forget(through point: SequenceNumber) {
    let checkpoint = checkpoint(at: point)
    baseSync = sync(at: point)
    baseVolumes = volumes(at: point)
    baseCheckpoint = checkpoint
    base = point
    marks.removeFirst(marks.prefix { $0.sequence <= point }.count)
    syncs.removeFirst(syncs.prefix { $0.sequence <= point }.count)
    volumeChanges.removeFirst(volumeChanges.prefix { $0.sequence <= point }.count)
  }
}
