// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Glibc
internal import RecoveryModel
package import ReplicationProtocol
internal import ReplicationTransport

// What a sync, on its one thread, does to the buffer. Waits look around every 200 ms, so that a
// cancelled sync ends soon.
extension StreamBuffer {
  /// How often it is looked whether a sync by maps of changes can begin.
  private static let changesPatience = 10

  /// Begins a sync of what the hypervisor's maps of changes name, if that is enough.
  ///
  /// - Returns: The sync's generation; nil if all must be compared.
  /// - Throws: A failure if the stream cannot begin a sync now.
  func beginSync(
    usingChangesSince floor: SequenceNumber,
    isWhole: Bool
  ) throws(ControlFailure) -> UInt64? {
    monitor.lock()
    defer { monitor.unlock() }
    // What was kept before has to arrive first; that takes as long as the line does.
    for _ in 0..<Self.changesPatience {
      guard stream.canUseChanges(since: floor) else { return nil }
      let begun = try? stream.beginSync(usingChanges: isWhole, now: WallTime.ofThisMachine())
      if let generation = begun {
        monitor.broadcast()
        return generation
      }
      waitAWhile()
    }
    throw ControlFailure(status: 409, message: "the stream cannot begin a sync now")
  }

  /// Whether the sync of this generation still brings what is missing.
  func isCurrent(_ generation: UInt64) -> Bool {
    monitor.withLock { stream.generation == generation && !stream.isClosed }
  }

  /// Begins to keep writes, with a record that says so, once the link is up.
  ///
  /// - Returns: The generation by which the sync names itself from here on.
  package func beginSync(isCancelled: () -> Bool) throws(SyncInterruption) -> UInt64 {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      if isCancelled() { throw .cancelled }
      if let generation = try stream.beginSync(now: WallTime.ofThisMachine()) {
        monitor.broadcast()
        return generation
      }
      waitAWhile()
    }
  }

  /// Blocks until the link is up again; the sync goes on if nothing was lost meanwhile.
  func waitForLink(generation: UInt64, isCancelled: () -> Bool) throws(SyncInterruption) {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      if isCancelled() { throw .cancelled }
      try stream.check(generation)
      if stream.isLinked { return }
      waitAWhile()
    }
  }

  /// From here on writes to `range` are noted; called before the range is read.
  func watch(volume: Int, range: Range<UInt64>) {
    monitor.withLock { stream.watch(volume: volume, range: range) }
  }

  /// Notes no more.
  func stopWatching(volume: Int) {
    monitor.withLock { stream.stopWatching(volume: volume) }
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
    while true {
      if isCancelled() { throw .cancelled }
      try stream.check(generation)
      if isZero {
        if stream.hasRoomForSync { break }
      } else if let room = try stream.reservePulled(bytes.count, generation: generation) {
        // No reader gets here before the commit, so the copy needs no lock; taps do.
        monitor.unlock()
        room.copyMemory(from: bytes)
        monitor.lock()
        break
      }
      waitAWhile()
    }
    let pull = try stream.appendPulled(
      volume: volume,
      offset: offset,
      bytes: bytes,
      isZero: isZero,
      checksum: checksum,
      generation: generation,
      now: WallTime.ofThisMachine()
    )
    if waiterCount > 0 { monitor.broadcast() }
    return pull == .appended
  }

  /// The sync is through: from here on the order of records is the guest's.
  package func endSync(generation: UInt64, isCancelled: () -> Bool) throws(SyncInterruption) {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      if isCancelled() { throw .cancelled }
      if try stream.endSync(generation: generation, now: WallTime.ofThisMachine()) { break }
      waitAWhile()
    }
    monitor.broadcast()
  }

  /// The sync is given up; what it brought so far does no harm.
  func failSync(generation: UInt64, _ reason: String) {
    monitor.withLock {
      stream.failSync(generation: generation, reason, now: WallTime.ofThisMachine())
    }
  }

  private func waitAWhile() {
    waiterCount += 1
    _ = monitor.wait(until: Monitor.now() + 200)
    waiterCount -= 1
  }
}

extension UnsafeRawBufferPointer {
  /// Whether there is nothing but zeroes: the first byte is, and each equals the one before.
  ///
  /// Most content is told by its first bytes, in a few nanoseconds.
  var isAllZero: Bool {
    guard let base = baseAddress, count > 0 else { return true }
    return self[0] == 0 && memcmp(base, base + 1, count - 1) == 0
  }
}
