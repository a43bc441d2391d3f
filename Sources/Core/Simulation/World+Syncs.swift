// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

// What the sync engine's thread does, one small thing at a time.
extension ReplicationWorld {
  /// Whoever keeps a stream going does what is to be done next: process, taps, sync.
  func keepUp(_ vm: SimulatedVM) throws(Violation) {
    let appliance = senders[vm.sender]
    guard let process = process(vm) else {
      note("vm\(vm.index): its appliance starts")
      nextProcess += 1
      appliance.processes[vm.index] = SendingProcess(
        number: nextProcess,
        volumeSizes: keepers[vm.index].volumeSizes,
        now: now,
        wall: wall(vm)
      )
      return
    }
    if try follow(vm, process) { return }
    for volume in vm.present where vm.taps[volume] == nil && process.protects(volume, of: vm) {
      let place = process.place(of: volume)
      vm.maps[volume].prepareForTap(size: vm.volumeSizes[volume])
      vm.taps[volume] = process.outgoing.tapOpened(volume: place, now: wall(vm))
    }
    guard process.sync == nil, process.outgoing.mode != .ordered, !process.outgoing.isPaused else {
      return
    }
    if hasMaps { return startSync(vm, process) }
    guard process.outgoing.mode == .dropping else { return }
    note("vm\(vm.index): a sync is asked for")
    process.sync = SimulatedSync(volumeSizes: process.presentSizes)
  }

  /// One step of a VM's sync.
  func sync(_ vm: SimulatedVM) throws(Violation) {
    guard let process = process(vm), let sync = process.sync, now >= sync.pausedUntil else {
      return
    }
    do {
      guard let generation = sync.generation else { return try beginSync(vm, process, sync) }
      // What is reserved is appended or given back, whatever has happened meanwhile.
      if sync.piece?.isReserved != true { try process.outgoing.check(generation) }
      if sync.piece != nil {
        try comparePiece(vm, process, sync, generation)
      } else {
        try nextPiece(vm, process, sync, generation)
      }
    } catch let violation as Violation {
      throw violation
    } catch {
      end(sync, of: vm, process, error as? SyncInterruption ?? .cancelled)
    }
  }

  private func end(
    _ sync: SimulatedSync,
    of vm: SimulatedVM,
    _ process: SendingProcess,
    _ interruption: SyncInterruption
  ) {
    note("vm\(vm.index): the sync is interrupted: \(interruption)")
    if let piece = sync.piece { process.outgoing.stopWatching(volume: piece.step.volume) }
    if let generation = sync.generation {
      process.outgoing.failSync(generation: generation, "interrupted", now: wall(vm))
    }
    if interruption == .orderLost, process.outgoing.hasAllTaps, !hasMaps {
      sync.restart(volumeSizes: process.presentSizes, at: now + 500)
    } else {
      process.sync = nil
    }
  }

  private func beginSync(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync
  ) throws {
    guard let generation = try process.outgoing.beginSync(now: wall(vm)) else { return }
    counts.syncs += 1
    sync.generation = generation
    log(vm, process)
    note("vm\(vm.index): a sync begins with \(process.outgoing.last.rawValue)")
  }

  private func nextPiece(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync,
    _ generation: UInt64
  ) throws {
    if sync.isWaitingForLink {
      guard process.outgoing.isLinked else { return }
      sync.isWaitingForLink = false
    }
    if let step = sync.plan.ask() { return ask(step, vm, process, sync) }
    guard let step = sync.plan.current else { return try endSync(vm, process, sync, generation) }
    let question = sync.questions[0]
    if question.isLost {
      sync.plan.forgetQuestions()
      sync.questions = []
      sync.isWaitingForLink = true
    } else if let hashes = question.hashes {
      guard hashes.count == step.blockCount(of: SimulatedSync.blockSize) else {
        throw SyncInterruption.cancelled
      }
      sync.piece = SimulatedSync.Piece(step: step, hashes: hashes)
    } else if now - question.askedAt > SimulatedSync.answerMilliseconds {
      throw SyncInterruption.cancelled
    }
  }

  private func ask(
    _ step: SyncPlan.Step,
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync
  ) {
    process.lastQuestion += 1
    var question = SimulatedSync.Question(
      identifier: process.lastQuestion,
      connection: process.connection?.number ?? 0,
      askedAt: now
    )
    if let connection = process.connection, process.outgoing.isLinked {
      connection.sendToReceiver(
        .hashQuery(
          HashQuery(
            identifier: question.identifier,
            volume: UInt16(process.numbers[step.volume]),
            offset: step.offset,
            blockSize: UInt32(SimulatedSync.blockSize),
            blockCount: UInt32(step.blockCount(of: SimulatedSync.blockSize))
          )
        )
      )
    } else {
      question.isLost = true
    }
    sync.questions.append(question)
  }

  private func comparePiece(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync,
    _ generation: UInt64
  ) throws {
    guard let piece = sync.piece else { return }
    let start = Int(piece.step.offset)
    let end = start + piece.step.byteCount
    switch piece.phase {
    case .toWatch:
      process.outgoing.watch(volume: piece.step.volume, range: UInt64(start)..<UInt64(end))
      sync.piece?.phase = .toRead
    case .toRead:
      let disk = vm.source[process.numbers[piece.step.volume]]
      guard end <= disk.count else { throw SyncInterruption.cancelled }
      sync.piece?.bytes = Array(disk[start..<end])
      sync.piece?.phase = .toReserve(block: 0)
    case .toReserve(let first):
      guard let block = (first..<piece.hashes.count).first(where: { piece.differs($0) }) else {
        process.outgoing.stopWatching(volume: piece.step.volume)
        sync.questions.removeFirst()
        sync.plan.finish()
        sync.piece = nil
        sync.noteProgress(of: process.numbers, sizes: process.presentSizes)
        return
      }
      if piece.isZero(block) {
        guard process.outgoing.hasRoomForSync else { return }
      } else {
        guard
          let room = unsafe try process.outgoing.reservePulled(
            piece.block(block).count,
            generation: generation
          )
        else { return }
        unsafe room.copyBytes(from: piece.block(block))
      }
      sync.piece?.phase = .toAppend(block: block)
    case .toAppend(let block): try append(block, piece, vm, process, sync, generation)
    }
  }

  private func append(
    _ block: Int,
    _ piece: SimulatedSync.Piece,
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync,
    _ generation: UInt64
  ) throws {
    let bytes = Array(piece.block(block))
    let pull = unsafe try bytes.withUnsafeBytes { bytes in
      unsafe try process.outgoing.appendPulled(
        volume: piece.step.volume,
        offset: piece.step.offset + UInt64(block * SimulatedSync.blockSize),
        bytes: bytes,
        isZero: piece.isZero(block),
        checksum: piece.isZero(block) ? 0 : payloadChecksum(bytes),
        generation: generation,
        now: wall(vm)
      )
    }
    log(vm, process)
    sync.piece?.phase = pull == .readAgain ? .toWatch : .toReserve(block: block + 1)
  }

  private func endSync(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ sync: SimulatedSync,
    _ generation: UInt64
  ) throws {
    guard try process.outgoing.endSync(generation: generation, now: wall(vm)) else { return }
    log(vm, process)
    process.sync = nil
    let last = process.outgoing.last.rawValue
    note("vm\(vm.index): the sync is through with \(last)")
    // What the stream did not keep is in it now, by what was read from the disk.
    for write in vm.missing where write.sequence == nil { write.sequence = last }
    for write in vm.underWay where write.tap != vm.taps[write.volume] { write.sequence = last }
    try snapshot(vm, process)
  }
}

extension SimulatedSync.Piece {
  var isReserved: Bool { if case .toAppend = phase { true } else { false } }

  func block(_ index: Int) -> ArraySlice<UInt8> {
    let start = index * SimulatedSync.blockSize
    return bytes[start..<min(start + SimulatedSync.blockSize, bytes.count)]
  }

  func differs(_ index: Int) -> Bool { BlockHash(simulated: block(index)) != hashes[index] }
  func isZero(_ index: Int) -> Bool { block(index).allSatisfy { $0 == 0 } }
}
