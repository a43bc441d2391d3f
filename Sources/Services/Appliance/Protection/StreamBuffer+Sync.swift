// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

/// Why a sync cannot go on.
enum SyncInterruption: Error, Equatable {
  /// The stream lost its order meanwhile, or was renumbered: the sync begins anew.
  case orderLost
  /// The stream ends or is paused, or another sync was asked for.
  case cancelled
}

// What a sync, on its one thread, does to the buffer. Waits look around every 200 ms, so that a
// cancelled sync ends soon.
extension StreamBuffer {
  /// Begins to keep writes, with a record that says so, once the link is up.
  ///
  /// - Returns: The generation by which the sync names itself from here on.
  func beginSync(isCancelled: () -> Bool) throws(SyncInterruption) -> UInt64 {
    monitor.lock()
    defer { monitor.unlock() }
    while !isLinked || !records.hasRoom(for: 1) {
      if isCancelled() || isClosed || isPaused { throw .cancelled }
      waitAWhile()
    }
    if isCancelled() || isClosed || isPaused { throw .cancelled }
    generation += 1
    let kind: SyncState = isRemoteComplete ? .deltaSync : .initialSync
    mode = .syncing(kind)
    missingUntil = nil
    append(.syncBegan, time: WallTime.ofThisMachine(), offset: kind == .initialSync ? 1 : 2)
    monitor.broadcast()
    return generation
  }

  /// Blocks until the link is up again; the sync goes on if nothing was lost meanwhile.
  func waitForLink(generation: UInt64, isCancelled: () -> Bool) throws(SyncInterruption) {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      try check(generation, isCancelled)
      if isLinked { return }
      waitAWhile()
    }
  }

  /// From here on writes to `range` are noted; called before the range is read.
  func watch(volume: Int, range: Range<UInt64>) {
    monitor.withLock { volumes[volume].conflicts.watch(range) }
  }

  /// Notes no more.
  func stopWatching(volume: Int) {
    monitor.withLock { volumes[volume].conflicts.stop() }
  }

  /// Appends a block that was read from the disk, without the bytes that were written meanwhile.
  ///
  /// Blocks until there is room: a sync never takes the guest's share.
  ///
  /// - Returns: False if more was written meanwhile than could be noted: read again.
  func appendPulled(
    volume: Int,
    offset: UInt64,
    bytes: UnsafeRawBufferPointer,
    generation: UInt64,
    isCancelled: () -> Bool
  ) throws(SyncInterruption) -> Bool {
    let isZero = bytes.isAllZero
    let checksum = isZero ? 0 : payloadChecksum(bytes)
    monitor.lock()
    defer { monitor.unlock() }
    let room = try reserve(isZero ? 0 : bytes.count, generation, isCancelled)
    // No reader gets here before the commit, so the copy needs no lock; taps do.
    monitor.unlock()
    if !isZero { room?.copyMemory(from: bytes) }
    monitor.lock()
    guard self.generation == generation, !volumes[volume].conflicts.isOverflowed else {
      sideRing.abandon()
      try check(generation, isCancelled)
      return false
    }
    let pieces = volumes[volume].conflicts.untouched(of: offset..<offset + UInt64(bytes.count))
    if isZero || pieces.isEmpty {
      sideRing.abandon()
      for piece in pieces {
        append(
          .zeroes,
          time: WallTime.ofThisMachine(),
          isPulled: true,
          volume: volume,
          offset: piece.lowerBound,
          length: UInt32(piece.count)
        )
      }
    } else {
      append(pieces, of: bytes, at: offset, volume: volume, checksum: checksum)
    }
    if waiterCount > 0 { monitor.broadcast() }
    return true
  }

  /// The payload of all pieces is one place of the ring; the last piece frees it.
  private func append(
    _ pieces: [Range<UInt64>],
    of bytes: UnsafeRawBufferPointer,
    at offset: UInt64,
    volume: Int,
    checksum: UInt32
  ) {
    let place = sideRing.commit()
    for (index, piece) in pieces.enumerated() {
      let skipped = Int(piece.lowerBound - offset)
      let payload = UnsafeRawBufferPointer(rebasing: bytes[skipped..<skipped + piece.count])
      append(
        .write,
        time: WallTime.ofThisMachine(),
        isPulled: true,
        volume: volume,
        offset: piece.lowerBound,
        length: UInt32(piece.count),
        checksum: piece.count == bytes.count ? checksum : payloadChecksum(payload),
        ring: sideRingNumber,
        payloadStart: place.start + skipped,
        freedThrough: index == pieces.count - 1 ? place.end : nil
      )
    }
  }

  /// The sync is through: from here on the order of records is the guest's.
  func endSync(generation: UInt64, isCancelled: () -> Bool) throws(SyncInterruption) {
    monitor.lock()
    defer { monitor.unlock() }
    _ = try reserve(0, generation, isCancelled)
    append(.syncEnded, time: WallTime.ofThisMachine())
    if mode == .syncing(.initialSync) { firstSyncEnd = records.last }
    isRemoteComplete = true
    missingUntil = records.last
    mode = .ordered
    lastError = ""
    monitor.broadcast()
  }

  /// The sync is given up; what it brought so far does no harm.
  func failSync(generation: UInt64, _ reason: String) {
    monitor.withLock {
      if self.generation == generation { loseOrder(reason) }
      lastError = reason
    }
  }

  /// Waits for `count` bytes of the sync's own memory, and for half of the records' places to be
  /// free.
  ///
  /// The lock is held. Nothing is reserved if `count` is 0.
  private func reserve(
    _ count: Int,
    _ generation: UInt64,
    _ isCancelled: () -> Bool
  ) throws(SyncInterruption) -> UnsafeMutableRawBufferPointer? {
    while true {
      try check(generation, isCancelled)
      if records.hasRoom(for: RecordRing.capacity / 2) {
        if count == 0 { return nil }
        if let room = sideRing.reserve(count) { return room }
      }
      waitAWhile()
    }
  }

  private func check(
    _ generation: UInt64,
    _ isCancelled: () -> Bool
  ) throws(SyncInterruption) {
    if isCancelled() || isClosed { throw .cancelled }
    if self.generation != generation { throw .orderLost }
  }

  private func waitAWhile() {
    waiterCount += 1
    _ = monitor.wait(until: Monitor.now() + 200)
    waiterCount -= 1
  }
}

extension UnsafeRawBufferPointer {
  /// Whether there is nothing but zeroes: the first byte is, and each equals the one before.
  var isAllZero: Bool {
    guard let base = baseAddress, count > 0 else { return true }
    return self[0] == 0 && memcmp(base, base + 1, count - 1) == 0
  }
}
