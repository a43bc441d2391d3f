// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension OutgoingStream {
  /// Takes the records after one into a batch, without their payloads, up to `byteLimit` bytes of
  /// payload.
  ///
  /// `payloads` gets the payloads' places, in order, of records that have any. They stay as they
  /// are until the records are acknowledged or a link is opened.
  package func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    payloads: inout [UnsafeRawBufferPointer]
  ) {
    var next = sequence.next
    var byteCount = 0
    let end = lastSendable
    while next > records.base, next <= end {
      let entry = records[next]
      let count = entry.record.payloadByteCount
      if !batch.isEmpty, byteCount + count > byteLimit { break }
      if batch.records.count == RecordBatch.maximumRecordCount { break }
      batch.append(entry.record)
      byteCount += count
      if count > 0 { unsafe payloads.append(UnsafeRawBufferPointer(payload(of: entry, count))) }
      next = next.next
    }
  }

  private func payload(
    of entry: RecordRing.Entry,
    _ count: Int
  ) -> UnsafeMutableRawBufferPointer {
    entry.ring == sideRingNumber
      ? unsafe sideRing.slice(entry.payloadStart, count)
      : unsafe volumes[entry.ring].ring.slice(entry.payloadStart, count)
  }

  /// Records up to this one are durable at the other site: their room is free.
  package mutating func acknowledged(through sequence: SequenceNumber) {
    while records.base < sequence, let entry = records.removeFirst() { free(entry) }
    if let end = firstSyncEnd, sequence >= end { firstSyncEnd = nil }
    if let end = missingUntil, sequence >= end {
      missingUntil = nil
      missingSince = nil
    }
  }

  private mutating func free(_ entry: RecordRing.Entry) {
    guard let end = entry.freedThrough else { return }
    if entry.ring == sideRingNumber {
      sideRing.free(through: end)
    } else {
      volumes[entry.ring].ring.free(through: end)
    }
  }

  /// A link is open, and the receiver said where it stands: the records after that follow, or
  /// numbers begin anew there.
  package mutating func linkOpened(_ welcome: StreamWelcome, now: WallTime) -> StreamResume {
    if canResume(after: welcome) {
      acknowledged(through: welcome.durable)
    } else {
      if isNumbered {
        loseOrder("the other site holds another position of the stream", now: now)
      }
      renumber(after: welcome, now: now)
    }
    isLinked = welcome.isAccepting
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

  /// Numbers go on after what the receiver has; what the stream holds is not what follows it.
  private mutating func renumber(after welcome: StreamWelcome, now: WallTime) {
    // In a first sync the receiver's number may fall back a little; what it wrote stays.
    if isNumbered, isRemoteComplete, welcome.durable < records.base { hasReceiverLost = true }
    // What is held now is missing from when it was written.
    let oldest = min(records.oldest?.record.time ?? now, now)
    missingSince = min(missingSince ?? oldest, oldest)
    mode = .dropping
    generation += 1
    wasClosedInOrder = false
    hold.breakOff()
    for index in volumes.indices { volumes[index].ring.freeAll() }
    sideRing.freeAll()
    records.restart(after: welcome.durable)
    isNumbered = true
    isRemoteComplete = welcome.isComplete
    firstSyncEnd = nil
    missingUntil = nil
  }

  /// The link is gone; what is held waits for the next one.
  package mutating func linkClosed(_ reason: String) {
    isLinked = false
    lastError = reason
  }
}
