// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

/// The writes of one VM on their way to the other site: bounded, ordered, in memory.
///
/// Each volume's tap receives payloads straight into a ring of its own; a record gets its number
/// under one short lock when its write is about to be acknowledged, so the stream's order is the
/// order of acknowledgements. The guest never waits: when there is no room, or nothing may be
/// kept, the payload goes to a place nobody reads and the stream needs a sync.
///
/// `@unchecked Sendable`: the monitor guards everything that changes. Payloads are written inside
/// a reservation and read between commit and acknowledgement, when nobody else touches them.
final class StreamBuffer: @unchecked Sendable {
  /// What happens to writes.
  enum Mode: Equatable {
    /// They are not kept.
    case dropping
    /// They are kept, and a sync of this kind brings the rest.
    case syncing(SyncState)
    /// They are kept, and are all there is.
    case ordered
  }

  /// One volume's side of the buffer.
  struct Volume {
    var ring: PayloadRing
    var conflicts = PullConflicts()
    /// Who may write: the newest connection, by a number that grows.
    var owner: UInt64?
    /// Whose reservation is open.
    var reserver: UInt64?
  }

  let monitor = Monitor()
  var mode = Mode.dropping
  var volumes: [Volume]
  var records = RecordRing()
  /// Payloads of syncs, and tags of checkpoints; writes of the guest never wait for them.
  var sideRing: PayloadRing
  /// Whether record numbers go on from what the receiver has: false in a new process.
  var isNumbered = false
  /// Counts the times the stream lost its order; a sync of an older generation is void.
  var generation: UInt64 = 0
  /// Whether the receiver has, or will have by what the stream holds, a complete first sync.
  var isRemoteComplete = false
  /// The end of the first sync, while it may still be on its way.
  var firstSyncEnd: SequenceNumber?
  var isLinked = false
  var isPaused = false
  var isClosed = false
  /// Since when writes are missing at the other site that the stream does not hold.
  var missingSince: WallTime?
  /// The end of the sync that brought what was missing.
  var missingUntil: SequenceNumber?
  var waiterCount = 0
  var lastError = ""
  var writeCount: UInt64 = 0
  var writtenByteCount: UInt64 = 0
  private var nextOwner: UInt64 = 1
  /// Used by the pump alone.
  private var copies: [UnsafeRawBufferPointer] = []

  static let leastRingByteCount = 4 << 20

  /// Makes a buffer with `byteCount` bytes for payloads, for all volumes together; each volume gets
  /// at least 4 MiB.
  init(volumeCount: Int, byteCount: UInt64) {
    let side = max(Int(byteCount / 8), Self.leastRingByteCount)
    let each = max((Int(byteCount) - side) / max(volumeCount, 1), Self.leastRingByteCount)
    volumes = (0..<volumeCount).map { _ in Volume(ring: PayloadRing(byteCount: each)) }
    sideRing = PayloadRing(byteCount: side)
    missingSince = WallTime.ofThisMachine()
    copies.reserveCapacity(1024)
  }

  deinit {
    for volume in volumes { volume.ring.deallocate() }
    sideRing.deallocate()
    records.deallocate()
  }

  /// Wakes who waits, if anybody does.
  ///
  /// Called without the lock.
  func wake(_ isNeeded: Bool) {
    if isNeeded { monitor.broadcast() }
  }

  /// The stream has lost a write, or is about to.
  ///
  /// The lock is held.
  func loseOrder(_ reason: String) {
    guard mode != .dropping else { return }
    mode = .dropping
    generation += 1
    missingSince = missingSince ?? WallTime.ofThisMachine()
    missingUntil = nil
    lastError = reason
  }

  /// Numbers a record and appends it.
  ///
  /// The lock is held and there is room.
  func append(
    _ kind: StreamRecord.Kind,
    time: WallTime,
    isPulled: Bool = false,
    volume: Int = 0,
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
      volume: UInt16(volume),
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

  /// The number by which entries name the side ring.
  var sideRingNumber: Int { volumes.count }

  func free(_ entry: RecordRing.Entry) {
    guard let end = entry.freedThrough else { return }
    if entry.ring == sideRingNumber {
      sideRing.free(through: end)
    } else {
      volumes[entry.ring].ring.free(through: end)
    }
  }
}

// MARK: - The taps

extension StreamBuffer {
  /// A tap has a new connection, which takes over from any older one of the volume.
  func tapOpened(volume: Int) -> UInt64 {
    monitor.withLock {
      defer { nextOwner += 1 }
      if volumes[volume].owner != nil { loseOrder("a second connection took a disk's tap over") }
      volumes[volume].owner = nextOwner
      return nextOwner
    }
  }

  /// A tap's connection is gone: from here on writes may be missed.
  func tapClosed(volume: Int, owner: UInt64) {
    monitor.withLock {
      guard volumes[volume].owner == owner else { return }
      volumes[volume].owner = nil
      loseOrder("the hypervisor closed a disk's tap")
      monitor.broadcast()
    }
  }

  /// Room for a write's payload; nil if it is not to be kept.
  func reserve(volume: Int, count: Int, owner: UInt64) -> UnsafeMutableRawBufferPointer? {
    monitor.lock()
    defer { monitor.unlock() }
    guard mode != .dropping, volumes[volume].owner == owner else { return nil }
    guard let room = volumes[volume].ring.reserve(count) else { return nil }
    volumes[volume].reserver = owner
    return room
  }

  func abandon(volume: Int, owner: UInt64) {
    monitor.lock()
    defer { monitor.unlock() }
    guard volumes[volume].reserver == owner else { return }
    volumes[volume].ring.abandon()
    volumes[volume].reserver = nil
  }

  /// A write is complete.
  ///
  /// `checksum` is that of the payload in the reservation; nil if there was no room for it.
  ///
  /// - Returns: False if the connection is not the volume's newest.
  func commitWrite(
    volume: Int,
    offset: UInt64,
    count: Int,
    checksum: UInt32?,
    owner: UInt64
  ) -> Bool {
    monitor.lock()
    let isNewest = volumes[volume].owner == owner
    let isReserved = checksum != nil && volumes[volume].reserver == owner
    if isReserved { volumes[volume].reserver = nil }
    if isNewest { countWrite(count) }
    if isNewest, mode != .dropping {
      if let checksum, isReserved, records.hasRoom(for: 1) {
        let place = volumes[volume].ring.commit()
        append(
          .write,
          time: WallTime.ofThisMachine(),
          volume: volume,
          offset: offset,
          length: UInt32(count),
          checksum: checksum,
          ring: volume,
          payloadStart: place.start,
          freedThrough: place.end
        )
        volumes[volume].conflicts.note(offset: offset, byteCount: UInt64(count))
      } else {
        if isReserved { volumes[volume].ring.abandon() }
        loseOrder("the buffer for writes on their way was full")
      }
    } else if isReserved {
      volumes[volume].ring.abandon()
    }
    let isNeeded = waiterCount > 0
    monitor.unlock()
    wake(isNeeded)
    return isNewest
  }

  /// Like ``commitWrite(volume:offset:count:checksum:owner:)``, of zeroes.
  func commitZeroes(volume: Int, offset: UInt64, count: UInt32, owner: UInt64) -> Bool {
    monitor.lock()
    let isNewest = volumes[volume].owner == owner
    if isNewest { countWrite(Int(count)) }
    if isNewest, mode != .dropping {
      if records.hasRoom(for: 1) {
        append(
          .zeroes,
          time: WallTime.ofThisMachine(),
          volume: volume,
          offset: offset,
          length: count
        )
        volumes[volume].conflicts.note(offset: offset, byteCount: UInt64(count))
      } else {
        loseOrder("the buffer for writes on their way was full")
      }
    }
    let isNeeded = waiterCount > 0
    monitor.unlock()
    wake(isNeeded)
    return isNewest
  }

  private func countWrite(_ byteCount: Int) {
    writeCount += 1
    writtenByteCount += UInt64(byteCount)
    if mode == .dropping, missingSince == nil { missingSince = WallTime.ofThisMachine() }
  }
}

// MARK: - The sender

extension StreamBuffer: StreamSource {
  func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    waitMilliseconds: Int
  ) {
    copies.removeAll(keepingCapacity: true)
    monitor.lock()
    if records.last == sequence {
      let deadline = Monitor.now() + Int64(waitMilliseconds)
      waiterCount += 1
      while records.last == sequence, !isClosed, monitor.wait(until: deadline) {}
      waiterCount -= 1
    }
    var next = sequence.next
    var byteCount = 0
    while next > records.base, next <= records.last {
      let entry = records[next]
      let count = entry.record.payloadByteCount
      if !batch.isEmpty, byteCount + count > byteLimit { break }
      if batch.records.count == RecordBatch.maximumRecordCount { break }
      batch.append(entry.record)
      byteCount += count
      if count > 0 { copies.append(UnsafeRawBufferPointer(payload(of: entry, count))) }
      next = next.next
    }
    monitor.unlock()
    // Without the lock: what is not acknowledged stays where it is, and only this thread renumbers.
    for copy in copies { batch.appendPayload(count: copy.count).copyMemory(from: copy) }
  }

  private func payload(
    of entry: RecordRing.Entry,
    _ count: Int
  ) -> UnsafeMutableRawBufferPointer {
    entry.ring == sideRingNumber
      ? sideRing.slice(entry.payloadStart, count)
      : volumes[entry.ring].ring.slice(entry.payloadStart, count)
  }

  func acknowledged(through sequence: SequenceNumber) {
    monitor.lock()
    freeRecords(through: sequence)
    let isNeeded = waiterCount > 0
    monitor.unlock()
    wake(isNeeded)
  }

  private func freeRecords(through sequence: SequenceNumber) {
    while records.base < sequence, let entry = records.removeFirst() { free(entry) }
    if let end = firstSyncEnd, sequence >= end { firstSyncEnd = nil }
    if let end = missingUntil, sequence >= end {
      missingUntil = nil
      missingSince = nil
    }
  }

  func linkOpened(_ welcome: StreamWelcome) -> StreamResume {
    monitor.withLock {
      if canResume(after: welcome) {
        freeRecords(through: welcome.durable)
      } else {
        if isNumbered { loseOrder("the other site holds another position of the stream") }
        renumber(after: welcome)
      }
      isLinked = welcome.isAccepting
      monitor.broadcast()
    }
    return .after(welcome.durable)
  }

  private func canResume(after welcome: StreamWelcome) -> Bool {
    guard isNumbered, welcome.durable >= records.base, welcome.durable <= records.last else {
      return false
    }
    // A receiver that should have a complete first sync by now and has none is a new one.
    let isExpected = isRemoteComplete && firstSyncEnd.map { welcome.durable >= $0 } ?? true
    return welcome.isComplete || !isExpected
  }

  /// Numbers go on after what the receiver has; what the buffer holds is not what follows it.
  private func renumber(after welcome: StreamWelcome) {
    mode = .dropping
    generation += 1
    for index in volumes.indices { volumes[index].ring.freeAll() }
    sideRing.freeAll()
    records.restart(after: welcome.durable)
    isNumbered = true
    isRemoteComplete = welcome.isComplete
    firstSyncEnd = nil
    missingUntil = nil
    missingSince = missingSince ?? WallTime.ofThisMachine()
  }

  func linkClosed(_ reason: String) {
    monitor.withLock {
      isLinked = false
      lastError = reason
      monitor.broadcast()
    }
  }
}
