// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport

extension JournalKeeper {
  func opened(session newer: any StreamSession) throws -> StreamWelcome {
    let journal = try opened()
    let older = monitor.withLock {
      defer { session = nil }
      withdrawQueue()
      // What the writer has in hand belongs to the older session: it counts if it gets through.
      while isWriting { monitor.wait() }
      return session
    }
    older?.close("a newer connection of the same stream is there")
    do { try journal.makeReady() } catch {
      failed("the journal cannot be written", error)
      throw ControlFailure(status: 500, message: error.words)
    }
    return monitor.withLock {
      let state = journal.state
      let isAccepting = record.isAccepting && !state.isPromoted && !isStopping
      if isAccepting { session = newer }
      return StreamWelcome(
        durable: state.durable,
        isComplete: state.isComplete,
        isAccepting: isAccepting
      )
    }
  }

  func receive(_ batch: RecordBatch, session sender: any StreamSession) {
    monitor.withLock {
      guard sender === session else { return }
      queue.append(.append(batch, sender))
      monitor.broadcast()
    }
  }

  func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int,
    reply: @escaping @Sendable (Result<[BlockHash], any Error>) -> Void
  ) {
    let question = HashQuestion(
      volume: volume,
      offset: offset,
      blockSize: blockSize,
      count: count,
      reply: reply
    )
    let isTaken = monitor.withLock {
      guard session != nil else { return false }
      queue.append(.hash(question))
      monitor.broadcast()
      return true
    }
    if !isTaken { question.withdraw() }
  }

  func closed(session ended: any StreamSession) {
    monitor.withLock {
      guard session === ended else { return }
      // What was received whole is worth writing: it need not be sent again.
      session = nil
    }
  }

  // MARK: The writer's thread

  func write() {
    var isRested = true
    while let work = takeWork(isRested: isRested) {
      switch work {
      case .batches(let batches, let sender): append(batches, from: sender)
      case .question(let question): answer(question)
      case .rest: releaseMemory()
      }
      if case .rest = work { isRested = true } else { isRested = false }
      monitor.withLock {
        isWriting = false
        monitor.broadcast()
      }
    }
  }

  private enum Task {
    case batches([RecordBatch], any StreamSession)
    case question(HashQuestion)
    case rest
  }

  /// Waits for work: a question, or batches of one session that follow each other, or to let go of
  /// memory once there was none for a while.
  ///
  /// Nil at the end.
  private func takeWork(isRested: Bool) -> Task? {
    monitor.withLock {
      let rest = Monitor.now() + Self.restMilliseconds
      while queue.isEmpty, !isStopping {
        if isRested { monitor.wait() } else if !monitor.wait(until: rest) { return .rest }
      }
      guard !isStopping else { return nil }
      isWriting = true
      var batches: [RecordBatch] = []
      var byteCount = 0
      var sender: (any StreamSession)?
      for work in queue {
        switch work {
        case .hash(let question):
          guard batches.isEmpty else { break }
          queue.removeFirst()
          return .question(question)
        case .append(let batch, let session):
          if let sender, sender !== session { break }
          if !batches.isEmpty, byteCount + batch.payloadByteCount > Self.groupByteCount { break }
          batches.append(batch)
          byteCount += batch.payloadByteCount
          sender = session
          continue
        }
        break
      }
      queue.removeFirst(batches.count)
      return sender.map { .batches(batches, $0) }
    }
  }

  private func append(
    _ batches: [RecordBatch],
    from sender: any StreamSession
  ) {
    guard let journal = monitor.withLock({ journal }), let last = batches.last?.last else { return }
    do {
      try append(batches, to: journal)
    } catch {
      failed("the journal cannot be written", error)
      // A first sync needs the replicas that a move keeps as they are.
      if case .held = error { monitor.withLock { move }?.giveWay() }
      monitor.withLock {
        if session === sender { session = nil }
        withdrawQueue()
      }
      return sender.close(words(error))
    }
    monitor.withLock { lastError = "" }
    sender.acknowledge(through: last)
    wantTending(journal)
    for batch in batches { sender.recycle(batch) }
  }

  /// If the disk is full history gives way, for as long as there is any.
  private func append(
    _ batches: [RecordBatch],
    to journal: StreamJournal
  ) throws(JournalError) {
    while true {
      do {
        return try journal.append(batches.flatMap(\.records), payloads: batches.map(\.payload))
      } catch {
        guard case .storage(.full) = error else { throw error }
        let folded = journal.state.folded
        try journal.enforceRetention(now: .ofThisMachine())
        guard journal.state.folded > folded else { throw error }
      }
    }
  }

  /// A VM that writes nothing costs no memory for writing.
  private func releaseMemory() {
    monitor.withLock { journal }?.releaseMemory()
  }

  private func answer(_ question: HashQuestion) {
    guard let journal = monitor.withLock({ journal }) else { return question.withdraw() }
    // The question may be here before the record that begins its sync, and with it a new volume.
    let hasher = BlockHasher(journal: journal, volumes: VolumeSizes(volumes.map(\.byteCount)))
    question.reply(Result { try hasher.hashes(question) })
  }
}
