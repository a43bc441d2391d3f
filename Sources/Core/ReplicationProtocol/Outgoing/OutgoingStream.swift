// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The writes of one VM on their way to the other site: bounded, ordered, in memory, and what is
/// known of those that are not there.
///
/// Each volume's tap receives payloads straight into a ring of its own; a record gets its number
/// when its write is about to be acknowledged, so the stream's order is the order of
/// acknowledgements. The guest never waits: when there is no room, or nothing may be kept, the
/// write is not kept and the stream needs a sync.
///
/// No I/O, clock or threads: who owns it locks around every call and gives the time. Payloads
/// alone are touched without the lock, inside a reservation and between commit and
/// acknowledgement, when nobody else touches them.
package struct OutgoingStream: ~Copyable {
  /// What happens to writes.
  package enum Mode: Hashable, Sendable {
    /// They are not kept.
    case dropping
    /// They are kept, and a sync of this kind brings the rest.
    case syncing(SyncState)
    /// They are kept, and are all there is.
    case ordered
  }

  /// One volume's side of the stream.
  struct Volume {
    /// By which records name it.
    let number: Int
    var ring: PayloadRing
    var conflicts = PullConflicts()
    /// Who may write: the newest connection, by a number that grows.
    var owner: UInt64?
    /// Whose reservation is open.
    var reserver: UInt64?
    /// Whether its writes are not wanted any more once the receiver has it whole.
    var isSettled = false
  }

  package internal(set) var mode = Mode.dropping
  /// The volumes there are; methods name them by their places in this list.
  var volumes: [Volume]
  let volumeSizes: VolumeSizes
  var records: RecordRing
  /// Payloads of syncs, and tags of checkpoints; writes of the guest never wait for them.
  var sideRing: PayloadRing
  /// Whether record numbers go on from what the receiver has: false in a new process.
  var isNumbered = false
  /// Counts the times the stream lost its order; a sync of an older generation is void.
  package internal(set) var generation: UInt64 = 0
  /// Whether the receiver has, or will have by what the stream holds, a complete first sync.
  package internal(set) var isRemoteComplete = false
  /// Whether the receiver has less than it once acknowledged, and was not compared as a whole.
  var hasReceiverLost = false
  /// The end of the first sync, while it may still be on its way.
  var firstSyncEnd: SequenceNumber?
  package internal(set) var isLinked = false
  package internal(set) var isPaused = false
  package internal(set) var isClosed = false
  /// Since when writes are missing at the other site that the stream does not hold.
  var missingSince: WallTime?
  /// The end of the sync that brought what was missing.
  var missingUntil: SequenceNumber?
  /// Whether the taps were closed while the stream was in order, and nothing was written since.
  var wasClosedInOrder = false
  package internal(set) var lastError = ""
  package internal(set) var writeCount: UInt64 = 0
  package internal(set) var writtenByteCount: UInt64 = 0
  var nextOwner: UInt64 = 1
  /// This stream's part in a checkpoint over several appliances.
  package internal(set) var hold = AcknowledgementHold()

  /// Makes a stream that holds nothing and keeps nothing.
  ///
  /// - Parameters:
  ///   - volumeSizes: The VM's volumes; methods count those that are there, from 0.
  ///   - volumeByteCount: Bytes for payloads of each volume's writes.
  ///   - sideByteCount: Bytes for payloads of syncs and tags.
  ///   - recordCapacity: The most records that are not acknowledged.
  ///   - now: The time; until a first sync everything counts as missing.
  package init(
    volumeSizes: VolumeSizes,
    volumeByteCount: Int,
    sideByteCount: Int,
    recordCapacity: Int = 1 << 16,
    now: WallTime
  ) {
    self.volumeSizes = volumeSizes
    volumes = volumeSizes.present.map {
      Volume(number: $0, ring: PayloadRing(byteCount: volumeByteCount))
    }
    sideRing = PayloadRing(byteCount: sideByteCount)
    records = RecordRing(capacity: recordCapacity)
    missingSince = now
  }

  deinit {
    for volume in volumes { volume.ring.deallocate() }
    sideRing.deallocate()
    records.deallocate()
  }

  /// The last record.
  package var last: SequenceNumber { records.last }
  /// The last record that is acknowledged: the ones after it are held.
  package var acknowledged: SequenceNumber { records.base }
  /// Bytes of payload that are held.
  package var heldByteCount: Int {
    volumes.reduce(sideRing.usedByteCount) { $0 + $1.ring.usedByteCount }
  }
  /// Bytes of payload there is room for.
  package var capacity: Int { volumes.reduce(sideRing.capacity) { $0 + $1.ring.capacity } }
  /// Whether every volume's tap has a connection, but for those that rest.
  package var hasAllTaps: Bool { volumes.indices.allSatisfy { hasTap($0) || rests($0) } }
  /// Whether a volume's tap has a connection.
  package func hasTap(_ volume: Int) -> Bool { volumes[volume].owner != nil }

  /// The age of the oldest write that the other site does not have, in milliseconds.
  package func ageOfOldestMissing(now: WallTime) -> Int64 {
    // Marks carry the manager's time, which may be ahead of this machine's.
    let oldest = min(records.oldest?.record.time ?? now, missingSince ?? now)
    return max(0, now.milliseconds - oldest.milliseconds)
  }

  /// Whether the stream has every write if the VM is off: its taps were all closed in order.
  ///
  /// Only who knows that the VM is off may take it for an ordered one.
  package var isAtRest: Bool {
    wasClosedInOrder && volumes.indices.allSatisfy { !hasTap($0) || rests($0) }
  }

  /// The age of the oldest record that the other site does not have, in milliseconds.
  package func ageOfOldestRecord(now: WallTime) -> Int64 {
    records.oldest.map { max(0, now.milliseconds - $0.record.time.milliseconds) } ?? 0
  }

  /// While paused, writes are not kept and no sync begins.
  package mutating func setPaused(_ isPaused: Bool, now: WallTime) {
    self.isPaused = isPaused
    if isPaused { loseOrder("replication is paused", now: now) }
  }

  /// Nothing is kept any more.
  package mutating func close(now: WallTime) {
    isClosed = true
    loseOrder("the stream is being ended", now: now)
  }

  /// Frees the payloads of a stream that is closed; nobody reads them any more.
  ///
  /// The room of a write that is being received stays.
  package mutating func giveBackMemory() {
    precondition(isClosed, "the stream is in use")
    for index in volumes.indices where volumes[index].reserver == nil {
      volumes[index].ring.deallocate()
      volumes[index].ring = PayloadRing(byteCount: 0)
    }
    sideRing.deallocate()
    sideRing = PayloadRing(byteCount: 0)
  }

  /// The stream has lost a write, or is about to.
  package mutating func loseOrder(_ reason: String, now: WallTime) {
    guard mode != .dropping else { return }
    mode = .dropping
    generation += 1
    wasClosedInOrder = false
    missingSince = missingSince ?? now
    missingUntil = nil
    lastError = reason
    hold.breakOff()
  }

  /// The number by which entries name the side ring.
  var sideRingNumber: Int { volumes.count }

  /// Numbers a record and appends it; there is room.
  mutating func append(
    _ kind: StreamRecord.Kind,
    time: WallTime,
    isPulled: Bool = false,
    volume: Int? = nil,
    offset: UInt64 = 0,
    length: UInt32 = 0,
    checksum: UInt32 = 0,
    ring: Int = 0,
    payloadStart: Int = 0,
    freedThrough: UInt64? = nil
  ) {
    let record = StreamRecord(
      sequence: records.last.next,
      time: time,
      kind: kind,
      isPulled: isPulled,
      volume: volume.map { UInt16(volumes[$0].number) } ?? 0,
      offset: offset,
      length: length,
      payloadChecksum: checksum
    )
    records.append(
      RecordRing.Entry(
        record: record,
        ring: ring,
        payloadStart: payloadStart,
        freedThrough: freedThrough
      )
    )
  }
}
