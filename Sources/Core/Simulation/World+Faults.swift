// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// What goes wrong.
extension ReplicationWorld {
  func corrupt(_ bytes: inout [UInt8]) {
    let place = Int.random(in: 0..<bytes.count, using: &generator)
    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
  }

  func fault(_ vm: SimulatedVM) throws(Violation) {
    guard generator.once(in: faultPause) else { return }
    let keeper = keepers[vm.index]
    // A first sync is short and has faults of its own.
    if keeper.journal?.state.isComplete == false, generator.once(in: 6) {
      return try loseSenderAfterFailedAppend(vm)
    }
    switch Int.random(in: 0..<24, using: &generator) {
    case 0: if generator.once(in: 2) { crashSender(vm.sender) }
    case 1, 2: try crashReceiver(vm.receiver)
    case 3, 4: if let process = process(vm) { hangUp(vm, process, "the network") }
    // One that hangs for good is given up for its silence, or nothing comes right.
    case 5: vm.connections.last?.receiverStallsUntil = generator.once(in: 3) ? .max : now + stall()
    case 6: vm.connections.last?.senderStallsUntil = generator.once(in: 3) ? .max : now + stall()
    case 7: closeTap(vm)
    case 8: takeTapOver(vm)
    case 9: if hasClockJumps { jump() }
    case 10, 11:
      receiver(keeper).disk.failOnce(generator.once(in: 2) ? "sync" : "")
      try write(keeper)
      receiver(keeper).disk.revive()
    case 12: refuse(keeper)
    case 13: pause(vm)
    case 14: if generator.once(in: 3) { try promote(keeper) }
    case 15: fillDisk(vm.receiver)
    case 16, 17: try loseSenderAfterFailedAppend(vm)
    case 18, 19: changeVolumes(vm)
    case 20 where hasMaps: restartManager(vm)
    case 21 where hasMaps: if generator.once(in: 3) { restartVM(vm) }
    case 22 where hasMaps: if generator.once(in: 6) { loseCopy(keeper) }
    default: break
    }
  }

  private func stall() -> Int64 { Int64.random(in: 10...8000, using: &generator) }

  /// A sending appliance dies with all it knows; the hypervisors go on alone.
  private func crashSender(_ index: Int) {
    counts.crashes += 1
    note("sender \(index) crashes")
    for vm in vms where vm.sender == index {
      senders[index].processes[vm.index]?.connection?.isSenderThere = false
      senders[index].processes[vm.index] = nil
      vm.taps = vm.taps.map { _ in nil }
      loseTaps(vm) { _ in true }
    }
  }

  /// A receiving appliance dies in the middle of something, perhaps with its machine.
  func crashReceiver(_ index: Int) throws(Violation) {
    counts.crashes += 1
    let appliance = receivers[index]
    let mine = keepers.filter { $0.vm.receiver == index }
    if generator.once(in: 2) {
      // Something is on its way to the disk then, more often than not.
      for keeper in mine { for _ in 0..<3 { try deliverToReceiver(keeper.vm) } }
      let most = generator.once(in: 2) ? 3 : 16
      appliance.disk.die(after: Int.random(in: 0..<most, using: &generator))
      for _ in 0..<3 {
        let busy = mine.filter { !$0.queue.isEmpty }
        guard let keeper = (busy.isEmpty ? mine : busy).randomElement(using: &generator) else {
          break
        }
        if generator.once(in: 3) { try maintain(keeper) } else { try write(keeper) }
      }
    }
    let isPowerCut = generator.once(in: 2)
    note("receiver \(index) crashes\(isPowerCut ? " with its machine" : "")")
    for keeper in mine {
      keeper.die()
      for connection in keeper.vm.connections { connection.isReceiverThere = false }
    }
    if isPowerCut {
      counts.powerCuts += 1
      appliance.disk.cutPower()
    } else {
      appliance.disk.revive()
    }
    appliance.restartAt = now + Int64.random(in: 0...500, using: &generator)
    // What the next process reads may be in memory alone, and is believed until then.
    if !isPowerCut, generator.once(in: 3) {
      appliance.powerFailsAt = appliance.restartAt + Int64.random(in: 20...800, using: &generator)
    }
    // Now and then the process does not get up at the first attempt.
    if generator.once(in: 4) {
      appliance.disk.die(after: Int.random(in: 0..<30, using: &generator))
      for keeper in mine { try open(keeper) }
      for keeper in mine { keeper.die() }
      if generator.once(in: 2) { appliance.disk.cutPower() } else { appliance.disk.revive() }
    }
  }

  /// Machines whose time has come fail, with all that runs on them.
  func failPower() {
    for (index, appliance) in receivers.enumerated() where appliance.powerFailsAt <= now {
      appliance.powerFailsAt = .max
      guard hasFaults else { continue }
      counts.crashes += 1
      counts.powerCuts += 1
      note("receiver \(index)'s machine fails")
      for keeper in keepers where keeper.vm.receiver == index {
        keeper.die()
        for connection in keeper.vm.connections { connection.isReceiverThere = false }
      }
      appliance.disk.cutPower()
      appliance.restartAt = now + Int64.random(in: 0...500, using: &generator)
    }
  }

  private func closeTap(_ vm: SimulatedVM) {
    guard let process = process(vm), let volume = vm.present.randomElement(using: &generator),
      let owner = vm.taps[volume]
    else { return }
    note("vm\(vm.index): the tap of volume \(volume) closes")
    loseTaps(vm) { $0.tap == owner }
    vm.taps[volume] = nil
    let place = process.place(of: volume)
    process.outgoing.tapClosed(volume: place, owner: owner, now: wall(vm))
  }

  /// A second connection takes a tap over; what is under way through the first still arrives.
  private func takeTapOver(_ vm: SimulatedVM) {
    guard generator.once(in: 3), let process = process(vm),
      let volume = vm.present.randomElement(using: &generator), process.protects(volume, of: vm)
    else { return }
    let place = process.place(of: volume)
    vm.taps[volume] = process.outgoing.tapOpened(volume: place, now: wall(vm))
  }

  private func jump() {
    let offset = Int64.random(in: -200_000...200_000, using: &generator)
    if generator.once(in: 2) {
      senders.randomElement(using: &generator)?.clockOffset += offset
    } else {
      receivers.randomElement(using: &generator)?.clockOffset += offset
    }
  }

  /// An append fails, another sender is told where to go on, and the receiver starts again: what
  /// was written in vain must not be found.
  private func loseSenderAfterFailedAppend(_ vm: SimulatedVM) throws(Violation) {
    let keeper = keepers[vm.index]
    for _ in 0..<60 where !keeper.hasPayloadWaiting {
      try sync(vm)
      try pump(vm)
      try write(keeper)
      try deliverToSender(vm)
      try deliverToReceiver(vm)
    }
    receiver(keeper).disk.failOnce("sync")
    for _ in 0..<6 { try write(keeper) }
    receiver(keeper).disk.revive()
    crashSender(vm.sender)
    for _ in 0..<40 where process(vm)?.outgoing.isLinked != true {
      now += 5
      try keepUp(vm)
      try pump(vm)
      try deliverToReceiver(vm)
      try deliverToSender(vm)
    }
    // Else what is in memory alone may be believed, until the power goes much later.
    if generator.once(in: 2) { try crashReceiver(vm.receiver) }
  }

  /// The receiving site takes no writes for a while.
  private func refuse(_ keeper: SimulatedKeeper) {
    guard keeper.promotion == nil else { return }
    keeper.refusesUntil = now + stall()
    keeper.endSession()
  }

  private func pause(_ vm: SimulatedVM) {
    guard let process = process(vm) else { return }
    process.outgoing.setPaused(true, now: wall(vm))
    process.pausedUntil = now + stall()
  }

  private func fillDisk(_ index: Int) {
    receivers[index].disk.setFull(true)
    receivers[index].fullUntil = now + stall()
  }

  /// What lasts for a while is over, or everything is, when faults end.
  func endFaults() {
    for vm in vms {
      if let process = process(vm), process.outgoing.isPaused,
        !hasFaults || process.pausedUntil <= now
      {
        process.outgoing.setPaused(false, now: wall(vm))
      }
      if !hasFaults { keepers[vm.index].refusesUntil = 0 }
    }
    for receiver in receivers where !hasFaults || receiver.fullUntil <= now {
      receiver.disk.setFull(false)
    }
  }

  /// Somebody commits a recovery to a checkpoint; the appliance may die over it.
  private func promote(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal, keeper.promotion == nil,
      let checkpoint = journal.checkpoints().randomElement(using: &generator),
      let point = journal.sequence(of: checkpoint.identifier),
      let content = try content(of: keeper, asOf: point.rawValue)
    else { return }
    if generator.once(in: 2) { endExports(keeper) }
    guard keeper.exports.allSatisfy({ $0.point == point.rawValue }) else {
      return try promoteInVain(keeper, journal, checkpoint)
    }
    note("vm\(keeper.vm.index) is to be promoted to \(checkpoint.identifier.number)")
    keeper.promotion = SimulatedKeeper.Promotion(checkpoint: checkpoint, content: content)
    keeper.endSession()
    if generator.once(in: 2) {
      receiver(keeper).disk.die(after: Int.random(in: 0..<40, using: &generator))
      try goOnPromoting(keeper)
      try crashReceiver(keeper.vm.receiver)
    } else {
      try goOnPromoting(keeper)
    }
  }

  func endExports(_ keeper: SimulatedKeeper) {
    for export in keeper.exports { if let token = export.token { keeper.journal?.release(token) } }
    keeper.exports = []
  }

  /// Whoever reads another point keeps it.
  private func promoteInVain(
    _ keeper: SimulatedKeeper,
    _ journal: StreamJournal,
    _ checkpoint: Checkpoint
  ) throws(Violation) {
    do throws(JournalError) {
      try journal.promote(checkpoint.identifier)
    } catch .held { return try checkExports(keeper) } catch {
      return try mustBeStorage(error, keeper)
    }
    throw fail("vm\(keeper.vm.index): a point was given up that an export reads")
  }

  /// Time passes at both ends of every link.
  func tickLinks() throws(Violation) {
    for vm in vms {
      if let process = process(vm), let connection = process.connection {
        do throws(ReplicationError) {
          if case .send(let message)? = try process.sending?.tick(now: now) {
            connection.sendToReceiver(message)
          }
        } catch { hangUp(vm, process, "\(error)") }
      }
      for connection in vm.connections where connection.isReceiverThere {
        do throws(ReplicationError) {
          send(try connection.receiving.tick(now: now), connection)
        } catch { close(connection, keepers[vm.index]) }
      }
    }
  }
}
