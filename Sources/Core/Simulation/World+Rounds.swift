// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// A checkpoint over several appliances under way: the manager's part, and its messages.
final class SimulatedRound {
  /// A message between the manager and an appliance.
  enum Message {
    case hold(Int)
    case release(Int, keepsMark: Bool)
    case held(Int)
    case refused(Int)
    case released(Int, isMarked: Bool)
    case lost(Int)
  }

  let group: Int
  let checkpoint: Checkpoint
  /// Nil when the manager is gone; its messages may still arrive.
  var round: CheckpointRound?
  /// In no order: each goes its own way.
  var messages: [Message] = []

  init(group: Int, checkpoint: Checkpoint, round: CheckpointRound) {
    self.group = group
    self.checkpoint = checkpoint
    self.round = round
  }
}

// Checkpoints over several appliances: what CheckpointKeeper and StreamBuffer's holds do.
extension ReplicationWorld {
  private static let limitMicroseconds: Int64 = 100_000

  private func identifier(_ sender: Int) -> ApplianceIdentifier {
    ApplianceIdentifier("sender\(sender)")
  }

  /// Begins a round, unless one of the VPG is under way.
  func beginRound(_ group: Int, _ checkpoint: Checkpoint) {
    guard !rounds.contains(where: { $0.group == group }) else { return }
    let appliances = Set(vms.filter { $0.group == group }.map(\.sender)).sorted()
    let round = SimulatedRound(
      group: group,
      checkpoint: checkpoint,
      round: CheckpointRound(
        over: appliances.map { identifier($0) },
        now: now * 1000,
        limit: Self.limitMicroseconds
      )
    )
    rounds.append(round)
    send(round.round?.firstActions ?? [], round)
  }

  private func send(_ actions: [CheckpointRound.Action], _ round: SimulatedRound) {
    for action in actions {
      switch action {
      case .hold(let appliance): round.messages.append(.hold(index(appliance)))
      case .release(let appliance, let keepsMark):
        round.messages.append(.release(index(appliance), keepsMark: keepsMark))
      case .finish(let outcome):
        note("round \(round.checkpoint.identifier.number): \(outcome)")
        if outcome == .made { counts.rounds += 1 }
        round.round = nil
      }
    }
  }

  private func index(_ appliance: ApplianceIdentifier) -> Int {
    senders.indices.first { identifier($0) == appliance } ?? 0
  }

  /// One message of one round arrives, or is lost, or arrives twice; or the manager goes.
  func stepRounds() throws(Violation) {
    rounds.removeAll { $0.round == nil && $0.messages.isEmpty }
    guard let round = rounds.randomElement(using: &generator) else { return }
    send(round.round?.tick(now: now * 1000) ?? [], round)
    if hasFaults, generator.once(in: 150) { round.round = nil }
    guard let place = round.messages.indices.randomElement(using: &generator) else { return }
    let message = round.messages[place]
    if !hasFaults || !generator.once(in: 12) { round.messages.remove(at: place) }
    if hasFaults, generator.once(in: 25) { return lose(message, round) }
    try deliver(message, round)
  }

  /// Whoever asked learns in the end that there is no answer.
  private func lose(_ message: SimulatedRound.Message, _ round: SimulatedRound) {
    switch message {
    case .hold(let sender), .release(let sender, _), .held(let sender), .refused(let sender),
      .released(let sender, _):
      round.messages.append(.lost(sender))
    case .lost: break
    }
  }

  private func deliver(
    _ message: SimulatedRound.Message,
    _ round: SimulatedRound
  ) throws(Violation) {
    switch message {
    case .hold(let sender): round.messages.append(hold(sender, round))
    case .release(let sender, let keepsMark):
      round.messages.append(try release(sender, round, keepsMark: keepsMark))
    case .held(let sender):
      send(round.round?.held(identifier(sender), now: now * 1000) ?? [], round)
    case .refused(let sender): send(round.round?.refused(identifier(sender)) ?? [], round)
    case .released(let sender, let isMarked):
      send(round.round?.released(identifier(sender), isMarked: isMarked) ?? [], round)
    case .lost(let sender): send(round.round?.lost(identifier(sender)) ?? [], round)
    }
  }

  private func streams(_ sender: Int, _ round: SimulatedRound) -> [(SimulatedVM, SendingProcess)]? {
    let members = vms.filter { $0.group == round.group && $0.sender == sender }
    let found = members.compactMap { vm in process(vm).map { (vm, $0) } }
    return found.count == members.count ? found : nil
  }

  /// An appliance holds acknowledgements in all its streams or in none.
  private func hold(_ sender: Int, _ round: SimulatedRound) -> SimulatedRound.Message {
    guard let streams = streams(sender, round) else { return .lost(sender) }
    // The manager knows that these VMs run.
    guard !streams.contains(where: { $0.1.outgoing.isAtRest }) else { return .refused(sender) }
    event += 1
    for (place, (vm, process)) in streams.enumerated() {
      process.outgoing.expireHold(now: now * 1000)
      let wasHeld = process.outgoing.hold.held != nil
      let reason = process.outgoing.beginHold(
        round.checkpoint,
        now: now * 1000,
        limit: Self.limitMicroseconds
      )
      guard reason == nil else {
        for (_, held) in streams[..<place] {
          held.outgoing.endHold(round.checkpoint.identifier, now: now * 1000)
        }
        return .refused(sender)
      }
      // Asked again, it keeps the place it has.
      if !wasHeld { process.held = snapshotOfPlace(vm, process, round.checkpoint) }
    }
    note("sender \(sender) holds for \(round.checkpoint.identifier.number)")
    return .held(sender)
  }

  private func snapshotOfPlace(
    _ vm: SimulatedVM,
    _ process: SendingProcess,
    _ checkpoint: Checkpoint
  ) -> StreamModel.Snapshot {
    StreamModel.Snapshot(
      sequence: process.outgoing.last.rawValue + 1,
      event: event,
      content: process.known(of: vm.owed),
      underWay: vm.untaken,
      checkpoint: checkpoint
    )
  }

  /// An appliance lets go in all its streams, with the mark in all of them or in none.
  private func release(
    _ sender: Int,
    _ round: SimulatedRound,
    keepsMark: Bool
  ) throws(Violation) -> SimulatedRound.Message {
    guard let streams = streams(sender, round) else { return .lost(sender) }
    let checkpoint = round.checkpoint.identifier
    let time = now * 1000
    let isMade = streams.allSatisfy {
      $0.1.outgoing.hold.standing(of: checkpoint, now: time) == .made
    }
    if isMade { return .released(sender, isMarked: true) }
    var isMarked = keepsMark
    for (place, (_, process)) in streams.enumerated() where isMarked {
      guard process.outgoing.prepareHeldMark(checkpoint, now: time) != nil else { continue }
      for (_, prepared) in streams[..<place] { prepared.outgoing.abandonMark() }
      isMarked = false
    }
    for (vm, process) in streams {
      if isMarked {
        process.outgoing.endHoldWithMark(now: time)
        try marked(vm, process)
      } else {
        process.outgoing.endHold(checkpoint, now: time)
      }
    }
    return .released(sender, isMarked: isMarked)
  }

  /// The mark is in at its place, and the records after it have moved up by one.
  private func marked(_ vm: SimulatedVM, _ process: SendingProcess) throws(Violation) {
    guard let snapshot = process.held else { throw fail("vm\(vm.index) was never held") }
    log(vm, process)
    vm.model.add(snapshot)
    for write in vm.writes {
      if let sequence = write.sequence, sequence >= snapshot.sequence {
        write.sequence = sequence + 1
      }
    }
    note("vm\(vm.index): the mark is \(snapshot.sequence)")
  }

  /// Whether a write that was taken waits for the end of a hold; it never waits longer than the
  /// limit.
  func isHeldBack(_ write: GuestWrite, _ vm: SimulatedVM) throws(Violation) -> Bool {
    guard let process = process(vm), let sequence = write.sequence else { return false }
    process.outgoing.expireHold(now: now * 1000)
    guard let deadline = process.outgoing.hold.deadline(for: SequenceNumber(sequence)) else {
      return false
    }
    guard deadline <= (write.takenAt * 1000) + Self.limitMicroseconds else {
      throw fail("vm\(vm.index)'s guest would wait longer than a hold may last")
    }
    return true
  }
}
