// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import ReplicationProtocol
internal import ReplicationTransport
internal import Glibc

/// The stream of one VM, shared by its taps' threads, its sender, its sync and the manager's calls.
///
/// What happens to writes is decided by ``OutgoingStream``; this is its lock, its clock, and the
/// waiting. The guest never waits for more than the lock, or a hold of known length.
///
/// `@unchecked Sendable`: the monitor guards everything that changes. Payloads are written inside
/// a reservation and read between commit and acknowledgement, when nobody else touches them.
package final class StreamBuffer: @unchecked Sendable {
  let monitor = Monitor()
  var stream: OutgoingStream
  var waiterCount = 0
  /// Whether the pump waits for a record: writes wake nobody else.
  private var isPumpWaiting = false
  /// Used by the pump alone.
  private var copies: [UnsafeRawBufferPointer] = []

  static let leastRingByteCount = 4 << 20
  private static let gatherMicroseconds: UInt32 = 1000

  /// Makes a buffer with `byteCount` bytes for payloads, for all volumes together; each volume gets
  /// at least 4 MiB.
  package init(volumeSizes: VolumeSizes, byteCount: UInt64) {
    let side = max(Int(byteCount / 8), Self.leastRingByteCount)
    stream = OutgoingStream(
      volumeSizes: volumeSizes,
      volumeByteCount: max(
        (Int(byteCount) - side) / max(volumeSizes.present.count, 1),
        Self.leastRingByteCount
      ),
      sideByteCount: side,
      now: WallTime.ofThisMachine()
    )
    copies.reserveCapacity(1024)
  }

  /// The number of the newest record.
  package var last: SequenceNumber { monitor.withLock { stream.last } }

  /// Wakes who waits, if anybody does.
  private func wake(_ isNeeded: Bool) {
    if isNeeded { monitor.broadcast() }
  }
}

// MARK: - The taps

extension StreamBuffer {
  /// A tap has a new connection, which takes over from any older one of the volume.
  func tapOpened(volume: Int) -> UInt64 {
    monitor.withLock { stream.tapOpened(volume: volume, now: WallTime.ofThisMachine()) }
  }

  /// A tap's connection is gone: from here on writes may be missed.
  func tapClosed(volume: Int, owner: UInt64) {
    monitor.withLock {
      stream.tapClosed(volume: volume, owner: owner, now: WallTime.ofThisMachine())
      monitor.broadcast()
    }
  }

  /// Room for a write's payload; nil if it is not to be kept.
  func reserve(volume: Int, count: Int, owner: UInt64) -> UnsafeMutableRawBufferPointer? {
    monitor.lock()
    defer { monitor.unlock() }
    return stream.reserve(volume: volume, count: count, owner: owner)
  }

  func abandon(volume: Int, owner: UInt64) {
    monitor.lock()
    defer { monitor.unlock() }
    stream.abandon(volume: volume, owner: owner)
  }

  /// What became of a write.
  struct Commit {
    /// Whether its connection is the volume's newest.
    let isNewest: Bool
    /// The record that ``waitWhileHeld(_:)`` is to be asked for before the write is acknowledged;
    /// nil if nothing is held.
    let held: SequenceNumber?
  }

  /// A write is complete.
  ///
  /// `checksum` is that of the payload in the reservation; nil if there was no room for it.
  func commitWrite(
    volume: Int,
    offset: UInt64,
    count: Int,
    checksum: UInt32?,
    owner: UInt64
  ) -> Commit {
    monitor.lock()
    let isNewest = stream.commitWrite(
      volume: volume,
      offset: offset,
      count: count,
      checksum: checksum,
      owner: owner,
      now: WallTime.ofThisMachine()
    )
    return finishCommit(isNewest)
  }

  /// Like ``commitWrite(volume:offset:count:checksum:owner:)``, of zeroes.
  func commitZeroes(volume: Int, offset: UInt64, count: UInt32, owner: UInt64) -> Commit {
    monitor.lock()
    let isNewest = stream.commitZeroes(
      volume: volume,
      offset: offset,
      count: count,
      owner: owner,
      now: WallTime.ofThisMachine()
    )
    return finishCommit(isNewest)
  }

  /// Lets go of the lock, and wakes the sender for a write that was committed.
  private func finishCommit(_ isNewest: Bool) -> Commit {
    let isNeeded = isPumpWaiting
    // Once is enough until it waits again.
    isPumpWaiting = false
    let held = stream.hold.held == nil ? nil : stream.last
    monitor.unlock()
    wake(isNeeded)
    return Commit(isNewest: isNewest, held: held)
  }
}

// MARK: - The sender

extension StreamBuffer: StreamSource {
  package func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    waitMilliseconds: Int
  ) {
    copies.removeAll(keepingCapacity: true)
    monitor.lock()
    if stream.lastSendable == sequence {
      waitForRecord(after: sequence, until: Monitor.now() + Int64(waitMilliseconds))
    }
    stream.take(after: sequence, into: batch, byteLimit: byteLimit, payloads: &copies)
    monitor.unlock()
    // Without the lock: what is not acknowledged stays where it is, and only this thread renumbers.
    for copy in copies { batch.appendPayload(count: copy.count).copyMemory(from: copy) }
  }

  /// Waits for a record, and then a little for more of them: a write that finds the pump asleep
  /// pays for waking it, so that is one write in a thousandth of a second, not each.
  private func waitForRecord(after sequence: SequenceNumber, until deadline: Int64) {
    var isInTime = true
    while stream.lastSendable == sequence, !stream.isClosed, isInTime {
      waiterCount += 1
      isPumpWaiting = true
      isInTime = monitor.wait(until: deadline)
      isPumpWaiting = false
      waiterCount -= 1
    }
    guard isInTime, !stream.isClosed else { return }
    monitor.unlock()
    usleep(Self.gatherMicroseconds)
    monitor.lock()
  }

  package func acknowledged(through sequence: SequenceNumber) {
    monitor.lock()
    stream.acknowledged(through: sequence)
    let isNeeded = waiterCount > 0
    monitor.unlock()
    wake(isNeeded)
  }

  package func linkOpened(_ welcome: StreamWelcome) -> StreamResume {
    monitor.withLock {
      defer { monitor.broadcast() }
      return stream.linkOpened(welcome, now: WallTime.ofThisMachine())
    }
  }

  package func linkClosed(_ reason: String) {
    monitor.withLock {
      stream.linkClosed(reason)
      monitor.broadcast()
    }
  }
}
