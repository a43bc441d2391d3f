// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Why a sync cannot go on.
package enum SyncInterruption: Error, Hashable, Sendable {
  /// The stream lost its order meanwhile, or was renumbered: the sync begins anew.
  case orderLost
  /// The stream ends or is paused, or another sync was asked for.
  case cancelled
}

// What a sync does to the stream. Who is given nil waits for the stream to change and asks again.
extension OutgoingStream {
  /// What became of a block that a sync read.
  package enum Pull: Hashable, Sendable {
    /// It is in the stream, without the bytes that were written meanwhile.
    case appended
    /// More was written meanwhile than could be noted: read again.
    case readAgain
  }

  /// Whether a sync may take only what the hypervisor's maps of changes name.
  ///
  /// They tell what was written since the receiver had acknowledged `floor`. A receiver that has
  /// less than it once acknowledged needs all compared. One whose first sync was interrupted has
  /// what the maps do not name, if it is the one that they were begun with: a new one has not
  /// acknowledged anything.
  package func canUseChanges(since floor: SequenceNumber) -> Bool {
    isNumbered && !hasReceiverLost && records.base >= floor
      && (isRemoteComplete || floor > SequenceNumber(0))
  }

  /// Begins to keep writes, with a record that says so, once the link is up.
  ///
  /// It waits until the other site has all that was kept before: a block that is compared while
  /// older records are on their way could be found equal, and then be overwritten by them.
  ///
  /// `usingChanges` says that it compares only what maps of changes of the whole disks name.
  ///
  /// - Returns: The generation by which the sync names itself from here on; nil if it must wait.
  package mutating func beginSync(
    usingChanges: Bool = false,
    now: WallTime
  ) throws(SyncInterruption) -> UInt64? {
    if isClosed || isPaused || !hasAllTaps { throw .cancelled }
    guard isLinked, records.count == 0 else { return nil }
    let said = volumeSizes.encoded
    guard let room = unsafe sideRing.reserve(said.count) else { return nil }
    unsafe room.copyBytes(from: said)
    let place = sideRing.commit()
    generation += 1
    let kind: SyncState =
      !isRemoteComplete ? .initialSync : usingChanges ? .bitmapSync : .deltaSync
    mode = .syncing(kind)
    missingUntil = nil
    append(
      .syncBegan,
      time: now,
      offset: Self.number(of: kind),
      length: UInt32(said.count),
      checksum: unsafe said.withUnsafeBytes { unsafe payloadChecksum($0) },
      ring: sideRingNumber,
      payloadStart: place.start,
      freedThrough: place.end
    )
    return generation
  }

  /// The number by which a record names a kind of sync.
  private static func number(of kind: SyncState) -> UInt64 {
    switch kind {
    case .bitmapSync: 3
    case .deltaSync: 2
    default: 1
    }
  }

  /// Whether the sync of this generation is still what brings the rest.
  package func check(_ generation: UInt64) throws(SyncInterruption) {
    if isClosed { throw .cancelled }
    if self.generation != generation { throw .orderLost }
  }

  /// From here on writes to `range` are noted; called before the range is read.
  package mutating func watch(volume: Int, range: Range<UInt64>) {
    volumes[volume].conflicts.watch(range)
  }

  /// Notes no more.
  package mutating func stopWatching(volume: Int) { volumes[volume].conflicts.stop() }

  /// Whether there is room for a sync's records: it never takes the guest's share.
  package var hasRoomForSync: Bool { records.hasRoom(for: records.capacity / 2) }

  /// Reserves room for a block of a sync, beside half of the records' places; nil if it must wait.
  package mutating func reservePulled(
    _ count: Int,
    generation: UInt64
  ) throws(SyncInterruption) -> UnsafeMutableRawBufferPointer? {
    try check(generation)
    guard hasRoomForSync else { return nil }
    return unsafe sideRing.reserve(count)
  }

  /// Appends a block that was read from the disk, without the bytes that were written meanwhile.
  ///
  /// `bytes` is the block, with `checksum`; it was copied to what
  /// ``reservePulled(_:generation:)`` gave unless `isZero`.
  package mutating func appendPulled(
    volume: Int,
    offset: UInt64,
    bytes: UnsafeRawBufferPointer,
    isZero: Bool,
    checksum: UInt32,
    generation: UInt64,
    now: WallTime
  ) throws(SyncInterruption) -> Pull {
    guard self.generation == generation, !volumes[volume].conflicts.isOverflowed else {
      sideRing.abandon()
      try check(generation)
      return .readAgain
    }
    let pieces = volumes[volume].conflicts.untouched(of: offset..<offset + UInt64(bytes.count))
    if isZero || pieces.isEmpty {
      sideRing.abandon()
      for piece in pieces {
        append(
          .zeroes,
          time: now,
          isPulled: true,
          volume: volume,
          offset: piece.lowerBound,
          length: UInt32(piece.count)
        )
      }
    } else {
      unsafe append(pieces, of: bytes, at: offset, volume: volume, checksum: checksum, now: now)
    }
    return .appended
  }

  /// The payload of all pieces is one place of the ring; the last piece frees it.
  private mutating func append(
    _ pieces: [Range<UInt64>],
    of bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    volume: Int,
    checksum: UInt32,
    now: WallTime
  ) {
    let place = sideRing.commit()
    for (index, piece) in pieces.enumerated() {
      let skipped = Int(piece.lowerBound - offset)
      let payload = unsafe UnsafeRawBufferPointer(rebasing: bytes[skipped..<skipped + piece.count])
      append(
        .write,
        time: now,
        isPulled: true,
        volume: volume,
        offset: piece.lowerBound,
        length: UInt32(piece.count),
        checksum: unsafe piece.count == bytes.count ? checksum : payloadChecksum(payload),
        ring: sideRingNumber,
        payloadStart: place.start + skipped,
        freedThrough: index == pieces.count - 1 ? place.end : nil
      )
    }
  }

  /// The sync is through: from here on the order of records is the guest's.
  ///
  /// - Returns: False if it must wait.
  package mutating func endSync(
    generation: UInt64,
    now: WallTime
  ) throws(SyncInterruption) -> Bool {
    try check(generation)
    guard hasRoomForSync else { return false }
    append(.syncEnded, time: now)
    if mode == .syncing(.initialSync) { firstSyncEnd = records.last }
    if mode != .syncing(.bitmapSync) { hasReceiverLost = false }
    isRemoteComplete = true
    missingUntil = records.last
    mode = .ordered
    lastError = ""
    return true
  }

  /// The sync is given up; what it brought so far does no harm.
  package mutating func failSync(generation: UInt64, _ reason: String, now: WallTime) {
    if self.generation == generation { loseOrder(reason, now: now) }
    lastError = reason
  }
}
