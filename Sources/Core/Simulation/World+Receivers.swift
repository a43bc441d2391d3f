// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// The receiving appliance: what StreamListener and JournalKeeper do around link and journal.
extension ReplicationWorld {
  func receiver(_ keeper: SimulatedKeeper) -> ReceivingAppliance { receivers[keeper.vm.receiver] }

  /// The next frame of one of a VM's connections reaches the receiver, or its end does.
  func deliverToReceiver(_ vm: SimulatedVM) throws(Violation) {
    vm.connections.removeAll { $0.isForgotten }
    let waiting = vm.connections.filter { $0.isReceiverThere && $0.receiverStallsUntil <= now }
    guard let connection = waiting.randomElement(using: &generator) else { return }
    let keeper = keepers[vm.index]
    guard !connection.toReceiver.isEmpty else {
      if !connection.isSenderThere { close(connection, keeper) }
      return
    }
    var bytes = connection.takeAtReceiver()
    // The last frame is never lost alone: the connection would be, too.
    let isFollowed = connection.toReceiver.contains { $0.isFrame(.data) }
    if hasFaults, bytes.isFrame(.data), isFollowed, generator.once(in: 12) { return }
    if hasFaults, generator.once(in: 120) { corrupt(&bytes) }
    do {
      let frame = try SimulatedFrame(bytes)
      connection.receiving.heard(at: now)
      try receive(frame, keeper, connection)
      if hasFaults, generator.once(in: 25) {  // repeated, later perhaps
        try receive(try again(bytes, connection), keeper, connection)
      }
    } catch let violation as Violation {
      throw violation
    } catch {
      if let error = error as? ReplicationError, case .gap = error { counts.gaps += 1 }
      note("vm\(vm.index)'s receiver closes \(connection.number): \(error)")
      connection.sendToSender(.refuse(.protocolError, "\(error)"))
      close(connection, keeper)
    }
  }

  /// A frame once more, with the records of the one behind it in the same batch if there is one.
  private func again(
    _ bytes: [UInt8],
    _ connection: SimulatedConnection
  ) throws(ReplicationError) -> SimulatedFrame {
    let frame = try SimulatedFrame(bytes)
    guard case .data(let batch) = frame, let following = connection.toReceiver.first,
      following.isFrame(.data), case .data(let next) = try SimulatedFrame(following),
      next.first == batch.last?.next
    else { return frame }
    _ = connection.takeAtReceiver()
    for record in next.records { batch.append(record) }
    unsafe batch.appendPayload(count: next.payloadByteCount).copyMemory(from: next.payload)
    return frame
  }

  func close(_ connection: SimulatedConnection, _ keeper: SimulatedKeeper) {
    connection.isReceiverThere = false
    // What was received whole is worth writing: it need not be sent again.
    if keeper.session === connection { keeper.session = nil }
  }

  private func receive(
    _ frame: SimulatedFrame,
    _ keeper: SimulatedKeeper,
    _ connection: SimulatedConnection
  ) throws {
    switch frame {
    case .control(let message):
      switch try connection.receiving.received(message) {
      case .nothing: break
      case .send(let reply): connection.sendToSender(reply)
      case .open: try welcome(keeper, connection)
      case .hash(let query):
        guard keeper.session != nil else {
          return connection.sendToSender(.hashReply(identifier: query.identifier, hashes: nil))
        }
        keeper.queue.append(.hash(query, connection))
      }
    case .data(let batch):
      guard let first = batch.first, let last = batch.last,
        let known = try connection.receiving.received(
          first: first,
          last: last,
          weight: batch.weight
        )
      else { return }
      batch.removeFirst(known)
      if keeper.session != nil { keeper.queue.append(.append(batch, connection)) }
    }
  }

  /// A hello came: the stream's newest session is this one.
  private func welcome(_ keeper: SimulatedKeeper, _ connection: SimulatedConnection) throws {
    // The table of sessions fences the older one before the sink is asked.
    for older in keeper.vm.connections where older !== connection && older.isReceiverThere {
      if older.number < connection.number || older === keeper.session { older.receiving.fence() }
    }
    guard let journal = keeper.journal else { throw ReplicationError.unexpected(.hello) }
    let older = keeper.session
    // What the older one has read already may be on its way to the sink: the fence stops it.
    let isCut = generator.once(in: 2)
    keeper.endSession()
    if !isCut, let older, older !== connection { older.isReceiverThere = true }
    if let older { note("\(older.number) gives way to \(connection.number)") }
    guard try working(keeper, { () throws(JournalError) in try journal.makeReady() }) != nil else {
      connection.sendToSender(.refuse(.storage, "the journal cannot be written"))
      return close(connection, keeper)
    }
    let state = journal.state
    let isAccepting = keeper.refusesUntil <= now && keeper.promotion == nil && !state.isPromoted
    if isAccepting { keeper.session = connection }
    let welcome = StreamWelcome(
      durable: state.durable,
      isComplete: state.isComplete,
      isAccepting: isAccepting
    )
    send(connection.receiving.welcome(welcome), connection)
    // The sender keeps nothing of what it is told here.
    if state.isComplete, !state.isPromoted {
      keeper.vm.toldDurable = max(keeper.vm.toldDurable, state.durable.rawValue)
    }
  }

  func send(_ action: ReceivingLink.Action, _ connection: SimulatedConnection) {
    if case .send(let message) = action { connection.sendToSender(message) }
  }

  // MARK: The writer's thread

  /// The writer takes the next work: a question, or batches of one session that follow each other.
  func write(_ keeper: SimulatedKeeper) throws(Violation) {
    guard keeper.journal != nil, let first = keeper.queue.first else { return }
    switch first {
    case .hash(let query, let connection):
      keeper.queue.removeFirst()
      answer(query, keeper, connection)
    case .append(_, let connection):
      var batches: [RecordBatch] = []
      let limit = Int.random(in: 1...4, using: &generator)
      for work in keeper.queue {
        guard case .append(let batch, let from) = work, from === connection,
          batches.count < limit
        else { break }
        batches.append(batch)
      }
      keeper.queue.removeFirst(batches.count)
      try append(batches, keeper, connection)
    }
  }

  private func append(
    _ batches: [RecordBatch],
    _ keeper: SimulatedKeeper,
    _ connection: SimulatedConnection
  ) throws(Violation) {
    guard let journal = keeper.journal, let last = batches.last?.last else { return }
    let isWritten: Void? = try working(keeper) { () throws(JournalError) in
      unsafe try journal.append(
        batches.flatMap(\.records),
        payloads: batches.map { unsafe $0.payload }
      )
    }
    guard isWritten != nil else {
      // The first of several batches may be durable nevertheless.
      try appended(keeper)
      connection.sendToSender(.refuse(.storage, "the journal cannot be written"))
      connection.isReceiverThere = false
      if keeper.session === connection { keeper.session = nil }
      keeper.queue = []
      return
    }
    note("vm\(keeper.vm.index) has \(last.rawValue) durably")
    try appended(keeper)
    send(connection.receiving.durable(through: last), connection)
    if connection.isReceiverThere {
      keeper.vm.toldDurable = max(keeper.vm.toldDurable, last.rawValue)
    }
  }

  private func answer(
    _ query: HashQuery,
    _ keeper: SimulatedKeeper,
    _ connection: SimulatedConnection
  ) {
    guard let journal = keeper.journal else { return }
    let sizes = VolumeSizes(keeper.volumeSizes.map { UInt64($0) })
    let size = sizes[Int(query.volume)]
    guard query.offset < size else {
      return connection.sendToSender(.hashReply(identifier: query.identifier, hashes: nil))
    }
    let count = Int(
      min(size - query.offset, UInt64(query.blockSize) * UInt64(query.blockCount))
    )
    var bytes = [UInt8](repeating: 0, count: count)
    let isRead = unsafe bytes.withUnsafeMutableBytes { bytes in
      do throws(JournalError) {
        unsafe try journal.readLatest(
          volume: Int(query.volume),
          at: query.offset,
          into: bytes
        )
        return true
      } catch {
        note("vm\(keeper.vm.index)'s receiver cannot read: \(error)")
        return false
      }
    }
    let hashes = stride(from: 0, to: count, by: Int(query.blockSize)).map { start in
      BlockHash(simulated: bytes[start..<min(start + Int(query.blockSize), count)])
    }
    connection.sendToSender(
      .hashReply(identifier: query.identifier, hashes: isRead ? hashes : nil)
    )
  }

  // MARK: Starting

  /// Opens a journal and checks that nothing is gone that must be there.
  func open(_ keeper: SimulatedKeeper) throws(Violation) {
    let isOpen: Void? = try working(keeper) { () throws(JournalError) in
      try keeper.open(on: receiver(keeper).disk, settings: settings, salts: salts)
    }
    // The disk may fail while the process starts.
    guard isOpen != nil else { return keeper.die() }
    try opened(keeper)
  }

  /// Journal work that a failing disk may keep from being done; nil then.
  func working<Result>(
    _ keeper: SimulatedKeeper,
    _ body: () throws(JournalError) -> Result
  ) throws(Violation) -> Result? {
    do { return try body() } catch {
      counts.storageFailures += 1
      note("vm\(keeper.vm.index)'s journal fails: \(error)")
      try mustBeStorage(error, keeper)
      return nil
    }
  }

  /// Only a failing disk is a reason for a journal not to do its work.
  func mustBeStorage(_ error: JournalError, _ keeper: SimulatedKeeper) throws(Violation) {
    if case .storage = error { return }
    throw fail("vm\(keeper.vm.index)'s journal: \(error)")
  }
}
