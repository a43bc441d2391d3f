// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension OutgoingStream {
  /// A tap has a new connection, which takes over from any older one of the volume.
  package mutating func tapOpened(volume: Int, now: WallTime) -> UInt64 {
    defer { nextOwner += 1 }
    if rests(volume) {
      volumes[volume].owner = nextOwner
      return nextOwner
    }
    if volumes[volume].owner != nil {
      loseOrder("a second connection took a disk's tap over", now: now)
    }
    volumes[volume].owner = nextOwner
    wasClosedInOrder = false
    return nextOwner
  }

  /// A tap's connection is gone: from here on writes may be missed.
  package mutating func tapClosed(volume: Int, owner: UInt64, now: WallTime) {
    guard volumes[volume].owner == owner else { return }
    volumes[volume].owner = nil
    guard !rests(volume) else { return }
    let wasOrdered = mode == .ordered
    loseOrder("the hypervisor closed a disk's tap", now: now)
    if wasOrdered { wasClosedInOrder = true }
  }

  /// Room for a write's payload; nil if it is not to be kept.
  package mutating func reserve(
    volume: Int,
    count: Int,
    owner: UInt64
  ) -> UnsafeMutableRawBufferPointer? {
    guard mode != .dropping, volumes[volume].owner == owner, !rests(volume) else { return nil }
    guard let room = unsafe volumes[volume].ring.reserve(count) else { return nil }
    volumes[volume].reserver = owner
    return unsafe room
  }

  /// The write whose room was reserved does not come.
  package mutating func abandon(volume: Int, owner: UInt64) {
    guard volumes[volume].reserver == owner else { return }
    volumes[volume].ring.abandon()
    volumes[volume].reserver = nil
  }

  /// A write is complete.
  ///
  /// `checksum` is that of the payload in the reservation; nil if there was no room for it.
  ///
  /// - Returns: False if the connection is not the volume's newest.
  package mutating func commitWrite(
    volume: Int,
    offset: UInt64,
    count: Int,
    checksum: UInt32?,
    owner: UInt64,
    now: WallTime
  ) -> Bool {
    let isNewest = volumes[volume].owner == owner
    let isReserved = checksum != nil && volumes[volume].reserver == owner
    if isReserved { volumes[volume].reserver = nil }
    let isWanted = isNewest && !rests(volume)
    if isWanted { countWrite(count, now: now) }
    guard isWanted, mode != .dropping else {
      if isReserved { volumes[volume].ring.abandon() }
      return isNewest
    }
    guard let checksum, isReserved, records.hasRoom(for: 1) else {
      if isReserved { volumes[volume].ring.abandon() }
      loseOrder("the buffer for writes on their way was full", now: now)
      return true
    }
    let place = volumes[volume].ring.commit()
    append(
      .write,
      time: now,
      volume: volume,
      offset: offset,
      length: UInt32(count),
      checksum: checksum,
      ring: volume,
      payloadStart: place.start,
      freedThrough: place.end
    )
    volumes[volume].conflicts.note(offset: offset, byteCount: UInt64(count))
    return true
  }

  /// Like ``commitWrite(volume:offset:count:checksum:owner:now:)``, of zeroes.
  package mutating func commitZeroes(
    volume: Int,
    offset: UInt64,
    count: UInt32,
    owner: UInt64,
    now: WallTime
  ) -> Bool {
    guard volumes[volume].owner == owner else { return false }
    guard !rests(volume) else { return true }
    countWrite(Int(count), now: now)
    guard mode != .dropping else { return true }
    guard records.hasRoom(for: 1) else {
      loseOrder("the buffer for writes on their way was full", now: now)
      return true
    }
    append(.zeroes, time: now, volume: volume, offset: offset, length: count)
    volumes[volume].conflicts.note(offset: offset, byteCount: UInt64(count))
    return true
  }

  private mutating func countWrite(_ byteCount: Int, now: WallTime) {
    writeCount += 1
    writtenByteCount += UInt64(byteCount)
    guard mode == .dropping else { return }
    wasClosedInOrder = false
    missingSince = missingSince ?? now
  }
}
