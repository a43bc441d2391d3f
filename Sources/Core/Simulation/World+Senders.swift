// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// The sending appliance: what StreamSender and StreamBuffer do around the state machines.
extension ReplicationWorld {
  private static let windowByteCount = 20_000
  private static let batchByteCount = 8000

  /// Takes note of the records the stream got since the last time, before anything happens to
  /// their payloads; of those that a hold keeps back, when it is over.
  func log(_ vm: SimulatedVM, _ process: SendingProcess) {
    let batch = RecordBatch(payloadCapacity: 0)
    var payloads: [UnsafeRawBufferPointer] = unsafe []
    unsafe process.outgoing.take(
      after: SequenceNumber(vm.model.last),
      into: batch,
      byteLimit: Int.max / 2,
      payloads: &payloads
    )
    var next = 0
    for record in batch.records {
      guard record.payloadByteCount > 0 else {
        vm.model.append(record, [])
        continue
      }
      vm.model.append(record, unsafe [UInt8](payloads[next]))
      next += 1
    }
  }

  /// Takes note of what the disks are as of the stream's last record, if that is what the stream
  /// says it holds.
  func snapshot(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    checkpoint: Checkpoint? = nil
  ) throws(Violation) {
    // The numbers of what a hold keeps back may still change.
    guard process.outgoing.mode == .ordered, process.outgoing.hold.held == nil else { return }
    guard process.numbers.allSatisfy({ process.protects($0, of: vm) }) else { return }
    event += 1
    let snapshot = StreamModel.Snapshot(
      sequence: process.outgoing.last.rawValue,
      event: event,
      content: process.known(of: vm.owed),
      underWay: vm.underWay.filter { $0.taken == nil },
      checkpoint: checkpoint
    )
    vm.model.add(snapshot)
    if let content = vm.model.content(asOf: snapshot.sequence),
      let difference = snapshot.difference(content)
    {
      throw fail("vm\(vm.index) is ordered, but its stream is not its disks: \(difference)")
    }
  }

  /// Connects, or sends a batch.
  func pump(_ vm: SimulatedVM) throws(Violation) {
    guard let process = process(vm) else { return }
    process.outgoing.expireHold(now: now * 1000)
    log(vm, process)
    guard let connection = process.connection else { return connect(vm, process) }
    guard process.sending?.canSend == true, let position = process.sending?.position else { return }
    let batch = RecordBatch(payloadCapacity: 0)
    var payloads: [UnsafeRawBufferPointer] = unsafe []
    unsafe process.outgoing.take(
      after: position,
      into: batch,
      byteLimit: Int.random(in: 500...Self.batchByteCount, using: &generator),
      payloads: &payloads
    )
    for index in unsafe payloads.indices {
      unsafe batch.appendPayload(count: payloads[index].count).copyMemory(from: payloads[index])
    }
    guard let first = batch.first, let last = batch.last else { return }
    guard first == position.next else {
      throw fail("vm\(vm.index) sends \(first.rawValue) after \(position.rawValue)")
    }
    process.sending?.sending(first: first, last: last, byteCount: batch.weight)
    note("vm\(vm.index) sends \(first.rawValue)...\(last.rawValue) on \(connection.number)")
    connection.sendToReceiver(batch.simulatedFrame)
  }

  private func connect(_ vm: SimulatedVM, _ process: SendingProcess) {
    guard now >= process.retryAt else { return }
    nextConnection += 1
    counts.reconnects += 1
    let connection = SimulatedConnection(number: nextConnection, now: now)
    note("vm\(vm.index) connects: \(nextConnection)")
    vm.connections.append(connection)
    process.connection = connection
    process.sending = SendingLink(windowByteCount: Self.windowByteCount, now: now)
    connection.sendToReceiver(.hello(version: ControlMessage.version, stream: vm.stream))
  }

  /// The sender gives its connection up.
  func hangUp(_ vm: SimulatedVM, _ process: SendingProcess, _ reason: String) {
    guard let connection = process.connection else { return }
    note("vm\(vm.index) hangs up \(connection.number): \(reason)")
    connection.isSenderThere = false
    process.connection = nil
    process.sending = nil
    process.retryAt = now + 100
    process.sync?.linkLost(connection.number)
    process.outgoing.linkClosed(reason)
  }

  /// The next frame reaches the sender, or the end of the connection does.
  func deliverToSender(_ vm: SimulatedVM) throws(Violation) {
    guard let process = process(vm), let connection = process.connection,
      connection.senderStallsUntil <= now
    else { return }
    guard !connection.toSender.isEmpty else {
      if !connection.isReceiverThere { hangUp(vm, process, "the other site closed") }
      return
    }
    var bytes = connection.takeAtSender()
    // The last acknowledgement is never lost alone: the connection would be, too.
    let isOvertaken = connection.toSender.contains { $0.isFrame(.acknowledge) }
    if hasFaults, bytes.isFrame(.acknowledge), isOvertaken, generator.once(in: 6) { return }
    if hasFaults, generator.once(in: 150) { corrupt(&bytes) }
    do {
      guard case .control(let message) = try SimulatedFrame(bytes) else {
        throw ReplicationError.unexpected(.data)
      }
      process.sending?.heard(at: now)
      try act(try process.sending?.received(message) ?? .nothing, vm, process, connection)
      if hasFaults, generator.once(in: 40) {  // repeated
        try act(try process.sending?.received(message) ?? .nothing, vm, process, connection)
      }
    } catch let violation as Violation {
      throw violation
    } catch {
      hangUp(vm, process, "\(error)")
    }
  }

  private func act(
    _ action: SendingLink.Action,
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ connection: SimulatedConnection
  ) throws(Violation) {
    switch action {
    case .nothing: break
    case .send(let reply): connection.sendToReceiver(reply)
    case .opened(let welcome): try opened(welcome, vm, process)
    case .acknowledged(let sequence):
      note("vm\(vm.index) hears that \(sequence.rawValue) is durable")
      process.outgoing.acknowledged(through: sequence)
      // During a first sync a crash may lose the count of what is in the replicas.
      if let state = keepers[vm.index].journal?.state, state.isComplete, !state.isPromoted,
        state.durable < sequence
      {
        throw fail("vm\(vm.index) takes \(sequence.rawValue) for durable, which it is not")
      }
    case .hashes(let identifier, let hashes): process.sync?.answered(identifier, hashes)
    }
  }

  private func opened(
    _ welcome: StreamWelcome,
    _ vm: SimulatedVM,
    _ process: SendingProcess
  ) throws(Violation) {
    let resume = process.outgoing.linkOpened(welcome, now: wall(vm))
    let sequence =
      switch resume {
      case .after(let sequence): sequence
      }
    vm.model.cut(after: process.outgoing.last.rawValue)
    for write in vm.missing + vm.underWay {
      if let number = write.sequence, number > process.outgoing.last.rawValue {
        write.sequence = nil
      }
    }
    note("vm\(vm.index) is welcome after \(welcome.durable.rawValue)")
    guard welcome.isAccepting else { return hangUp(vm, process, "the other site takes nothing") }
    process.sending?.resume(after: sequence)
  }
}
