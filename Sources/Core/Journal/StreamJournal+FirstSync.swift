// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

// The first sync goes into the replicas directly.

extension StreamJournal {
  /// After so many bytes of the first sync its progress is saved.
  private static let progressByteCount = 64 << 20
  /// The same, by the records' times: what falls back further than this cannot go on.
  private static let progressMilliseconds: Int64 = 1000

  /// Writes records into the replicas and makes them durable there.
  func apply(
    _ records: ArraySlice<StreamRecord>,
    _ payloads: Payloads,
    _ appender: inout Appender
  ) throws(JournalError) {
    guard let last = records.last else { return }
    if appender.isReplicaUnknown { try distrustMemory() }
    appender.isReplicaUnknown = true
    do { try write(records, payloads) } catch {
      try distrustMemory()
      throw failed(error)
    }
    appender.isReplicaUnknown = false
    appender.unsavedByteCount += records.payloadByteCount
    var history = contents.withLock { $0.history }
    var rest = payloads
    for record in records { unsafe history.add(record, payload: rest.take(record)) }
    let began = records.last { $0.kind == .syncBegan }
    // Times are the sender's: any number.
    let age = last.time.milliseconds.subtractingReportingOverflow(
      appender.savedTime?.milliseconds ?? 0
    )
    if began != nil || appender.unsavedByteCount >= Self.progressByteCount
      || age.overflow || age.partialValue.magnitude >= Self.progressMilliseconds
    {
      try save { saved in
        saved.folded = last.sequence
        saved.volumes = history.volumes
        if let began { saved.sync = began.offset }
      }
      appender.unsavedByteCount = 0
      appender.savedTime = last.time
    }
    contents.withLock { contents in
      contents.history = history
      contents.durable = last.sequence
    }
  }

  private func write(
    _ records: ArraySlice<StreamRecord>,
    _ payloads: Payloads
  ) throws(StorageError) {
    let replicas = replicas
    var touched = Set<Int>()
    var payloads = payloads
    for record in records {
      let bytes = unsafe payloads.take(record)
      switch record.kind {
      case .write:
        let replica = replicas[Int(record.volume)]
        if unsafe Checksum.isZero(bytes) {
          try replica.punchHole(at: record.offset, count: UInt64(record.length))
        } else {
          unsafe try replica.write(bytes, at: record.offset)
        }
        touched.insert(Int(record.volume))
      case .zeroes:
        try replicas[Int(record.volume)].punchHole(
          at: record.offset,
          count: UInt64(record.length)
        )
        touched.insert(Int(record.volume))
      case .mark, .syncBegan, .syncEnded:
        break
      }
    }
    for volume in touched { try replicas[volume].sync() }
  }

  /// Makes the progress of the first sync durable, so that a restart goes on from here.
  package func saveProgress() throws(JournalError) {
    try appender.withLock { appender throws(JournalError) in
      let (phase, durable) = contents.withLock { ($0.phase, $0.durable) }
      guard phase == .filling else { return }
      try save { $0.folded = durable }
      appender.unsavedByteCount = 0
    }
  }

  /// Ends the first sync, if what ended is a sync that brings the whole content.
  func complete(at sequence: SequenceNumber) throws(JournalError) -> Bool {
    let kind = saved.withLock { $0.sync }
    guard kind == 1 || kind == 2 else {
      // A sync that is over must not be taken for one that goes on when the journal is opened.
      if kind != 0 {
        try save { saved in
          saved.folded = sequence
          saved.sync = 0
        }
      }
      return false
    }
    let (volumes, replicas) = contents.withLock { ($0.history.volumes, $0.replicas) }
    try stored { () throws(StorageError) in
      for volume in replicas.indices where volumes[volume] == 0 { try replicas.empty(volume) }
      try replicas.sync()
    }
    try save { saved in
      saved.isComplete = true
      saved.folded = sequence
      saved.folding = SequenceNumber(0)
      saved.sync = 0
      saved.volumes = volumes
      saved.checkpoint = nil
    }
    contents.withLock { contents in
      contents.phase = .complete
      contents.begin(at: sequence)
    }
    return true
  }

  /// A first sync begins anew: the points there are give way.
  func reset(
    before sequence: SequenceNumber,
    _ appender: inout Appender
  ) throws(JournalError) {
    try folding.withLock { _ throws(JournalError) in
      if let held = contents.withLock({ $0.oldestNeeded }) { throw .held(held) }
      let previous = SequenceNumber(sequence.rawValue - 1)
      try save { saved in
        saved.isComplete = false
        saved.folded = previous
        saved.folding = SequenceNumber(0)
        saved.sync = 0
        saved.checkpoint = nil
      }
      let segments = contents.withLock { contents in
        contents.phase = .filling
        let segments = contents.segments
        contents.begin(at: previous)
        return segments
      }
      try retire(segments)
    }
  }

  /// Makes sure that nothing is read from a replica that is in memory only.
  ///
  /// After a failed write the sender may die too. Whoever comes next compares hashes, and must not
  /// be told that the replica has what never got to the disk.
  func distrustMemory() throws(JournalError) {
    let replicas = replicas
    // What was never synced may be lost by any later failure and would still be read. Where this
    // sync fails, the system takes what it lost for written, and forgets it below.
    for volume in replicas.indices { try? replicas[volume].sync() }
    try stored { () throws(StorageError) in
      try replicas.forgetCache()
    }
  }
}
