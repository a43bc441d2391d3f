// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// The end of a run: faults stop, then writes stop, and everything comes right.
extension ReplicationWorld {
  func comeRight() throws(Violation) {
    hasFaults = false
    hasWrites = false
    for receiver in receivers { receiver.disk.revive() }
    endFaults()
    try settle()
    try checkEnd()
  }

  /// Goes on until every VM's stream is in order and everything in it is durable.
  func settle() throws(Violation) {
    for _ in 0..<30_000 {
      if vms.allSatisfy({ hasComeRight($0) }) { return }
      step += 1
      now += 10
      if step.isMultiple(of: 16) { try tickLinks() }
      try stepRounds()
      for vm in vms { try push(vm) }
    }
    let late = vms.filter { !hasComeRight($0) }.map { "vm\($0.index): \(standing($0))" }
    throw fail("does not come right: \(late.joined(separator: "; "))")
  }

  private func hasComeRight(_ vm: SimulatedVM) -> Bool {
    if let promotion = keepers[vm.index].promotion { return promotion.isDone }
    guard let process = process(vm), let journal = keepers[vm.index].journal else { return false }
    return vm.present == process.numbers
      && vm.present.allSatisfy { process.protects($0, of: vm) }
      && vm.underWay.isEmpty && process.outgoing.mode == .ordered
      && process.outgoing.acknowledged == process.outgoing.last
      && journal.state.durable == process.outgoing.last
  }

  private func standing(_ vm: SimulatedVM) -> String {
    guard let process = process(vm) else { return "has no process" }
    let durable = keepers[vm.index].journal?.state.durable.rawValue
    return "\(process.outgoing.mode), \(process.outgoing.acknowledged.rawValue) of"
      + " \(process.outgoing.last.rawValue) acknowledged,"
      + " journal \(durable.map(String.init) ?? "down"), \(vm.underWay.count) under way,"
      + " \(process.sync == nil ? "no sync" : "a sync")"
  }

  /// Everybody does what is to be done next for a VM.
  private func push(_ vm: SimulatedVM) throws(Violation) {
    try keepUp(vm)
    try tap(vm)
    try acknowledgeGuest(vm)
    try pump(vm)
    try deliverToReceiver(vm)
    let keeper = keepers[vm.index]
    if keeper.journal == nil || keeper.promotion != nil { try maintain(keeper) }
    try write(keepers[vm.index])
    try deliverToSender(vm)
    try sync(vm)
    if hasMaps { try rotate(vm) }
  }

  private func checkEnd() throws(Violation) {
    for group in Set(vms.map(\.group)).sorted() { try mark(group) }
    try settle()
    for keeper in keepers {
      if keeper.promotion != nil {
        try goOnPromoting(keeper)
        continue
      }
      try checkAll(keeper)
      try checkGroup(keeper.vm.group)
      try checkLatest(keeper)
      try checkLeaks(keeper)
    }
    try checkDisks()
  }

  /// All machines of the recovery sites fail at once, and nothing of what was durable is gone.
  private func checkDisks() throws(Violation) {
    for receiver in receivers { receiver.disk.cutPower() }
    for keeper in keepers {
      keeper.die()
      try open(keeper)
      guard keeper.journal != nil else {
        throw fail("vm\(keeper.vm.index)'s journal cannot be opened in the end")
      }
      if keeper.promotion == nil { try checkLatest(keeper) }
    }
  }

  /// The other site has what the disk has, byte for byte.
  private func checkLatest(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let found = try latest(of: keeper) else { return }
    for (volume, content) in keeper.vm.source.enumerated() where found[volume] != content {
      throw fail(
        "vm\(keeper.vm.index): the copy of volume \(volume) is not the disk,"
          + " and everything is said to be in order"
      )
    }
  }

  /// Nothing stays behind.
  private func checkLeaks(_ keeper: SimulatedKeeper) throws(Violation) {
    let vm = keeper.vm
    guard let journal = keeper.journal, let process = process(vm) else { return }
    guard process.outgoing.heldByteCount == 0 else {
      throw fail("vm\(vm.index) holds \(process.outgoing.heldByteCount) bytes for nobody")
    }
    guard vm.missing.isEmpty else {
      let numbers = vm.missing.map(\.number)
      throw fail("vm\(vm.index): the writes \(numbers) are missing, unknown to the stream")
    }
    endExports(keeper)
    guard journal.statistics.holdCount == 0 else {
      throw fail("vm\(vm.index)'s journal is held for nobody")
    }
    _ = try working(keeper) { () throws(JournalError) in
      try journal.fold(through: journal.state.durable)
    }
    for volume in 0..<vm.volumeCount where vm.volumeSizes[volume] == 0 {
      let left = receiver(keeper).disk.content("replica\(vm.index)/\(volume).raw")
      guard left.allSatisfy({ $0 == 0 }) else {
        throw fail("vm\(vm.index): volume \(volume) is gone, and its replica is not empty")
      }
    }
    let statistics = journal.statistics
    guard statistics.segmentCount <= 1 else {
      throw fail("vm\(vm.index)'s journal keeps \(statistics) after a fold to its end")
    }
    // The state and the one before, the segment with its index, the one that is ready, and spares.
    let files = try? receiver(keeper).disk.folder("journal\(vm.index)").list()
    guard let files, files.count <= 5 + statistics.spareCount else {
      throw fail("vm\(vm.index)'s journal leaves files behind: \(files ?? [])")
    }
    try check(keeper, journal.state.durable.rawValue)
  }
}
