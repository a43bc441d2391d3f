// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol

/// Clients that write to one VM only after another's acknowledgement, on appliances that crash, and
/// a manager whose messages are lost, repeated and late.
struct DependentWorld {
  enum Message {
    case hold(CheckpointIdentifier)
    case held(CheckpointIdentifier)
    case refused(CheckpointIdentifier)
    case release(CheckpointIdentifier, Bool)
    case released(CheckpointIdentifier, Bool)
  }

  enum Entry: Equatable {
    case write(client: Int, number: Int)
    case mark(CheckpointIdentifier)
  }

  struct Host {
    var entries: [Entry] = []
    var sentCount = 0
    var hold = AcknowledgementHold()
    var isOrdered = true
    /// Writes in `entries` that are not acknowledged, by their number there.
    var unanswered: [(client: Int, number: Int, sequence: SequenceNumber)] = []
  }

  struct Client {
    var number = 0
    var isWaiting = false
  }

  var hosts: [Host]
  var clients: [Client]
  var round: CheckpointRound?
  var checkpoint = CheckpointIdentifier(0)
  var mail: [(host: Int, message: Message)] = []
  var now: Int64 = 0
  var random: Generator
  /// What must never be, and was.
  var violations: [String] = []

  init(seed: UInt64) {
    random = Generator(state: seed &* 0x9e37_79b9_7f4a_7c15 | 1)
    hosts = Array(repeating: Host(), count: 3)
    clients = Array(repeating: Client(), count: 2)
  }

  mutating func step() {
    now += Int64(random.below(300)) * (random.below(150) == 0 ? 400 : 1)
    let host = random.below(hosts.count)
    switch random.below(12) {
    case 0...2: write(random.below(clients.count), on: host)
    case 3, 4: acknowledge(on: host)
    case 5: hosts[host].sentCount = sendable(host)
    case 6: beginRound()
    case 7, 8: deliver()
    default:
      if random.below(800) == 0 { crash(host) }
      if var round { carryOut(round.tick(now: now)); self.round = round }
    }
  }

  private mutating func write(_ client: Int, on host: Int) {
    guard !clients[client].isWaiting else { return }
    clients[client].isWaiting = true
    let number = clients[client].number
    // After a crash writes are acknowledged and not kept; no mark is made any more.
    guard hosts[host].isOrdered else { return acknowledged(client) }
    hosts[host].entries.append(.write(client: client, number: number))
    hosts[host].unanswered.append((client, number, last(host)))
  }

  private mutating func acknowledged(_ client: Int) {
    clients[client].number += 1
    clients[client].isWaiting = false
  }

  private mutating func acknowledge(on host: Int) {
    hosts[host].hold.expire(now: now)
    let hold = hosts[host].hold
    let free = hosts[host].unanswered.filter { hold.deadline(for: $0.sequence) == nil }
    hosts[host].unanswered.removeAll { hold.deadline(for: $0.sequence) == nil }
    for write in free { acknowledged(write.client) }
  }

  /// The guests go on without it, and what was not sent is gone.
  private mutating func crash(_ host: Int) {
    hosts[host].isOrdered = false
    hosts[host].hold = AcknowledgementHold()
    hosts[host].entries.removeSubrange(hosts[host].sentCount...)
    for write in hosts[host].unanswered { acknowledged(write.client) }
    hosts[host].unanswered = []
  }

  private func last(_ host: Int) -> SequenceNumber {
    SequenceNumber(UInt64(hosts[host].entries.count))
  }

  private func sendable(_ host: Int) -> Int {
    max(hosts[host].sentCount, Int(hosts[host].hold.lastSendable(of: last(host)).rawValue))
  }

  // MARK: The manager

  private func name(_ host: Int) -> ApplianceIdentifier { ApplianceIdentifier("\(host)") }

  private mutating func beginRound() {
    guard round == nil else { return }
    checkpoint = CheckpointIdentifier(checkpoint.number + 1)
    let new = CheckpointRound(over: hosts.indices.map(name), now: now, limit: 50_000)
    carryOut(new.firstActions)
    round = new
  }

  private mutating func carryOut(_ actions: [CheckpointRound.Action]) {
    for action in actions {
      switch action {
      case .hold(let host): post(host, .hold(checkpoint))
      case .release(let host, let keeps): post(host, .release(checkpoint, keeps))
      case .finish(let outcome):
        round = nil
        if outcome == .made { checkMade() }
      }
    }
  }

  /// Whoever crashed since has lost its mark again.
  private mutating func checkMade() {
    let isMade = hosts.allSatisfy { !$0.isOrdered || $0.entries.contains(.mark(checkpoint)) }
    if !isMade { violations.append("checkpoint \(checkpoint) is said to be made and is not") }
  }

  private mutating func post(_ host: ApplianceIdentifier, _ message: Message) {
    post(Int(host.rawValue) ?? 0, message)
  }

  private mutating func post(_ host: Int, _ message: Message) {
    if random.below(30) == 0 { return }
    mail.append((host, message))
    if random.below(10) == 0 { mail.append((host, message)) }
  }

  private mutating func deliver() {
    guard !mail.isEmpty else { return }
    // The newest first, mostly: what lingers overtakes everything else once.
    let isNewest = random.below(3) > 0
    let (host, message) = mail.remove(at: isNewest ? mail.count - 1 : random.below(mail.count))
    switch message {
    case .hold(let checkpoint): hold(host, checkpoint)
    case .release(let checkpoint, let keeps): release(host, checkpoint, keeps)
    case .held(let checkpoint):
      tell(checkpoint) { round, now in round.held(ApplianceIdentifier("\(host)"), now: now) }
    case .refused(let checkpoint):
      tell(checkpoint) { round, _ in round.refused(ApplianceIdentifier("\(host)")) }
    case .released(let checkpoint, let isMarked):
      tell(checkpoint) { round, _ in
        round.released(ApplianceIdentifier("\(host)"), isMarked: isMarked)
      }
    }
    // A manager that is killed forgets its round; so does one whose answer was lost.
    if random.below(60) == 0 { round = nil }
  }

  private mutating func tell(
    _ checkpoint: CheckpointIdentifier,
    _ event: (inout CheckpointRound, Int64) -> [CheckpointRound.Action]
  ) {
    guard checkpoint == self.checkpoint, var current = round else { return }
    let actions = event(&current, now)
    round = current
    carryOut(actions)
  }

  // MARK: The appliances

  private mutating func hold(_ host: Int, _ identifier: CheckpointIdentifier) {
    let checkpoint = Checkpoint(
      identifier: identifier,
      time: WallTime(milliseconds: now),
      tag: ""
    )
    let isHeld =
      hosts[host].isOrdered
      && hosts[host].hold.begin(checkpoint, after: last(host), now: now, limit: 60_000)
    post(host, isHeld ? .held(identifier) : .refused(identifier))
  }

  private mutating func release(_ host: Int, _ identifier: CheckpointIdentifier, _ keeps: Bool) {
    var isMarked = false
    switch hosts[host].hold.standing(of: identifier, now: now) {
    case .held(let place) where keeps:
      if hosts[host].sentCount > place.rawValue { violations.append("renumbered what was sent") }
      hosts[host].entries.insert(.mark(identifier), at: Int(place.rawValue))
      for index in hosts[host].unanswered.indices
      where hosts[host].unanswered[index].sequence > place {
        hosts[host].unanswered[index].sequence = hosts[host].unanswered[index].sequence.next
      }
      isMarked = true
    case .made: isMarked = true
    case .held, .gone: break
    }
    hosts[host].hold.end(identifier, isMade: isMarked, now: now)
    post(host, .released(identifier, isMarked))
  }

  // MARK: The check

  /// Counts the checkpoints that every journal has, and finds those that hold a write without one
  /// it depends on.
  mutating func check() -> Int {
    let journals = hosts.map { $0.entries.prefix($0.sentCount) }
    var offered = 0
    for number in 1...max(checkpoint.number, 1) {
      let mark = Entry.mark(CheckpointIdentifier(number))
      let places = journals.compactMap { $0.firstIndex(of: mark) }
      guard places.count == hosts.count else { continue }
      offered += 1
      var held: [Int: Set<Int>] = [:]
      for (journal, place) in zip(journals, places) {
        for case .write(let client, let number) in journal[..<place] {
          held[client, default: []].insert(number)
        }
      }
      let isWhole = held.values.allSatisfy { $0.count == ($0.max() ?? 0) + 1 }
      if !isWhole { violations.append("checkpoint \(number) is torn") }
    }
    return offered
  }

  /// SplitMix64.
  struct Generator {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
  }
}
