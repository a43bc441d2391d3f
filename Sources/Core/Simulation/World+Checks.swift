// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import RecoveryModel
internal import ReplicationProtocol

// What must hold in every world, whatever fails when.
extension ReplicationWorld {
  /// A journal was opened: what was told to be durable is, and every point is as it was.
  func opened(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal else { return }
    let vm = keeper.vm
    let state = journal.state
    note("vm\(vm.index)'s journal is open: \(state)")
    if state.isComplete, !state.isPromoted, state.durable.rawValue < vm.toldDurable {
      throw fail(
        "vm\(vm.index) lost records up to \(vm.toldDurable), told to be durable:"
          + " \(state.durable.rawValue) is the last"
      )
    }
    if keeper.promotion?.isDone == true, !state.isPromoted {
      throw fail("vm\(vm.index)'s journal is not promoted any more")
    }
    if !state.isComplete { vm.toldDurable = state.durable.rawValue }
    try appended(keeper)
    try checkAll(keeper)
  }

  /// Records became durable.
  func appended(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal else { return }
    let vm = keeper.vm
    let state = journal.state
    guard state.durable.rawValue <= vm.model.last else {
      throw fail("vm\(vm.index) has records that nobody sent")
    }
    guard !state.isPromoted else { return }
    guard state.isComplete else {
      vm.model.forgetBase()
      return
    }
    vm.missing.removeAll { $0.sequence.map { $0 <= state.durable.rawValue } ?? false }
    if vm.model.base == nil { try firstSyncEnded(keeper, state) }
    if state.openSync != vm.model.openSync(at: state.durable.rawValue) {
      throw fail("vm\(vm.index)'s journal takes the open sync for \(state.openSync)")
    }
    if generator.once(in: 5) { try look(keeper) }
  }

  /// The journal is complete: what its replicas are is what the records after build on.
  private func firstSyncEnded(
    _ keeper: SimulatedKeeper,
    _ state: JournalState
  ) throws(Violation) {
    let end = state.folded.rawValue
    guard let content = try content(of: keeper, asOf: end) else { return }
    keeper.vm.model.begin(at: end, content: content)
    try check(keeper, end)
  }

  /// Compares a checkpoint, a random point and the end of a journal with the model.
  func look(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal, journal.state.isComplete, keeper.promotion == nil else {
      return
    }
    let state = journal.state
    try checkList(keeper)
    if let checkpoint = journal.checkpoints().randomElement(using: &generator),
      let point = journal.sequence(of: checkpoint.identifier)
    {
      try check(keeper, point.rawValue)
    }
    let point = UInt64.random(
      in: state.folded.rawValue...state.durable.rawValue,
      using: &generator
    )
    try check(keeper, point)
    try checkPoint(keeper, point)
    try check(keeper, state.durable.rawValue)
    try checkGroup(keeper.vm.group)
  }

  /// Compares every checkpoint and every point whose content is known.
  func checkAll(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal, journal.state.isComplete, keeper.promotion == nil else {
      return
    }
    let state = journal.state
    try checkList(keeper)
    for checkpoint in journal.checkpoints() {
      if let point = journal.sequence(of: checkpoint.identifier) {
        try check(keeper, point.rawValue)
      }
    }
    try check(keeper, state.folded.rawValue)
    try check(keeper, state.durable.rawValue)
    try checkExports(keeper)
  }

  /// Every record outside a sync is a point that can be recovered to, and is found by its time.
  private func checkPoint(_ keeper: SimulatedKeeper, _ point: UInt64) throws(Violation) {
    guard let journal = keeper.journal else { return }
    let model = keeper.vm.model
    let sequence = SequenceNumber(point)
    do throws(JournalError) {
      try journal.validate(sequence)
      guard model.openSync(at: point) == 0 else {
        throw JournalError.malformed(sequence)
      }
    } catch .insideSync where model.openSync(at: point) != 0 {} catch {
      throw fail("vm\(keeper.vm.index) is wrong about the point \(point): \(error)")
    }
    // Times that go back have no last record of their own.
    guard !hasClockJumps, point > journal.state.folded.rawValue else { return }
    let time = model.entries[Int(point) - 1].record.time
    let found = try working(keeper) { () throws(JournalError) in
      (try journal.sequence(at: time), try journal.pointTime(of: sequence))
    }
    guard let found else { return }
    let durable = Int(journal.state.durable.rawValue)
    let last = model.entries[..<durable].last { $0.record.time <= time }?.record.sequence
    guard found.0 == last, found.1 == time else {
      throw fail("vm\(keeper.vm.index) finds \(found) at the time of \(point)")
    }
  }

  /// A journal offers exactly the checkpoints that were marked outside syncs and not folded away.
  private func checkList(_ keeper: SimulatedKeeper) throws(Violation) {
    guard let journal = keeper.journal else { return }
    let state = journal.state
    let expected = keeper.vm.model.checkpoints(
      from: state.folded.rawValue,
      through: state.durable.rawValue
    )
    let found = journal.checkpoints()
    guard found == expected.map(\.1) else {
      throw fail(
        "vm\(keeper.vm.index) offers \(found.map(\.identifier.number)),"
          + " not \(expected.map(\.1.identifier.number))"
      )
    }
    for (sequence, checkpoint) in expected
    where journal.sequence(of: checkpoint.identifier)?.rawValue != sequence {
      throw fail("vm\(keeper.vm.index) has checkpoint \(checkpoint) elsewhere")
    }
  }

  /// Compares one point with what the disks were and with what the records say.
  func check(_ keeper: SimulatedKeeper, _ point: UInt64) throws(Violation) {
    let vm = keeper.vm
    guard let found = try content(of: keeper, asOf: point) else { return }
    counts.comparisons += 1
    if let snapshot = vm.model.snapshot(at: point), let difference = snapshot.difference(found) {
      throw fail("vm\(vm.index) as of \(point) is not what its disks were: \(difference)")
    }
    if let expected = vm.model.content(asOf: point) {
      for (volume, content) in expected.enumerated() where found[volume] != content {
        let place = zip(found[volume], content).prefix { $0 == $1 }.count
        throw fail(
          "vm\(vm.index) as of \(point) is not what its records say: volume \(volume) byte \(place)"
        )
      }
    }
  }

  /// No checkpoint that every journal of a VPG offers has a write without one that was
  /// acknowledged before it was issued.
  func checkGroup(_ group: Int) throws(Violation) {
    let members = keepers.filter { $0.vm.group == group }
    guard members.count > 1, members.allSatisfy({ $0.journal?.state.isComplete == true }) else {
      return
    }
    let shared = members.reduce(into: Set(members[0].journal?.checkpoints() ?? [])) {
      $0.formIntersection($1.journal?.checkpoints() ?? [])
    }
    for checkpoint in shared.sorted(by: { $0.identifier < $1.identifier }) {
      var newestIssue = 0
      var oldestAcknowledgement = Int.max
      for member in members {
        guard let point = member.journal?.sequence(of: checkpoint.identifier)?.rawValue,
          let snapshot = member.vm.model.snapshot(at: point)
        else { return }
        for write in member.vm.writes {
          if let taken = write.taken, taken < snapshot.event {
            newestIssue = max(newestIssue, write.issued)
          } else if let acknowledged = write.acknowledged {
            oldestAcknowledgement = min(oldestAcknowledgement, acknowledged)
          }
        }
      }
      counts.groupCheckpoints += 1
      if oldestAcknowledgement < newestIssue {
        throw fail("checkpoint \(checkpoint.identifier.number) has a write without the one before")
      }
    }
  }

  /// What a stream says is the age of the oldest write the other site lacks is not too small.
  func checkAge(_ vm: SimulatedVM) throws(Violation) {
    guard !hasClockJumps, let process = process(vm), let oldest = vm.missing.first else { return }
    let age = now - max(oldest.takenAt, process.startedAt)
    let told = process.outgoing.ageOfOldestMissing(now: wall(vm))
    if told < age {
      throw fail("vm\(vm.index) tells an RPO of \(told) ms; \(oldest.number) is missing for \(age)")
    }
  }
}
