// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Freezes guests' file systems for a checkpoint, and thaws them whatever happens.
///
/// A guest is in the store from before it is asked to freeze until it is known to be thawed. What
/// is there and in no round is thawed here, again and again: after a thaw that failed, and after a
/// manager that was killed.
actor GuestFreezer {
  /// How long a guest's writes may wait for a checkpoint.
  static let limitInSeconds = 2
  private static let retryPause = Duration.seconds(1)

  /// What came of marking a checkpoint.
  enum Marking: Sendable {
    case marked(Checkpoint)
    /// In words for an operator.
    case notMarked(String)
  }

  private enum Answer: Sendable {
    case frozen(VMIdentifier)
    case notFrozen(VMIdentifier, String, isUntouched: Bool)
    case mark(Marking)
    case thawed(VMIdentifier)
    case timeIsUp
  }

  private let context: SiteContext
  /// Guests that are in the store.
  private var written: [VMIdentifier: FrozenGuestRecord] = [:]
  /// Those of them a round takes care of.
  private var inRound: Set<VMIdentifier> = []
  /// Rounds that begin when another one has let go of their guests.
  private var waiting: [CheckedContinuation<Void, Never>] = []
  /// Those whose last thaw failed.
  private var stuck: Set<VMIdentifier> = []

  init(context: SiteContext) { self.context = context }

  /// Reads what an earlier manager may have left frozen; called once before anything else.
  func load() async throws(SiteError) {
    do {
      for guest in try await context.store.frozenGuests() { written[guest.vm] = guest }
    } catch { throw SiteError(error) }
  }

  /// Thaws what no round takes care of, until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      for guest in written.values where !inRound.contains(guest.vm) {
        await thaw(guest)
        await crossOutIfThawed(guest)
      }
      do { try await Task.sleep(for: Self.retryPause) } catch { return }
    }
  }

  // MARK: A round

  /// Has `mark` called while the file systems of all the VPG's guests are at rest.
  ///
  /// It is given the moment up to which they stay so. It may be called again if it fails.
  func quiesce(
    _ definition: VPGDefinition,
    mark: @escaping @Sendable (ContinuousClock.Instant) async -> Marking
  ) async -> Marking {
    let vms = definition.vms.map(\.identifier)
    let names = Dictionary(definition.vms.map { ($0.identifier, $0.name) }) { $1 }
    guard !vms.isEmpty else { return .notMarked("The VPG has no VMs.") }
    // A guest of several VPGs is frozen for one after the other: a round is over in seconds.
    while vms.contains(where: inRound.contains) {
      await withCheckedContinuation { waiting.append($0) }
    }
    if let taken = vms.first(where: { written[$0] != nil }) {
      return .notMarked("\(names[taken] ?? "\(taken)") is still frozen for another checkpoint.")
    }
    inRound.formUnion(vms)
    defer {
      inRound.subtract(vms)
      for other in waiting { other.resume() }
      waiting = []
    }
    let (outcome, checkpoint) = await carryOut(over: definition.vms, definition.identifier, mark)
    for vm in vms { if let guest = written[vm] { await crossOutIfThawed(guest) } }
    switch (outcome, checkpoint) {
    case (.quiesced, let checkpoint?): return .marked(checkpoint)
    case (.quiesced, nil): preconditionFailure("a mark that nobody made")
    case (.gaveUp(let reason), _): return .notMarked(reason.words(names))
    }
  }

  private func carryOut(
    over vms: [VPGDefinition.ProtectedVM],
    _ vpg: VPGIdentifier,
    _ mark: @escaping @Sendable (ContinuousClock.Instant) async -> Marking
  ) async -> (QuiesceRound.Outcome, Checkpoint?) {
    let limit = Duration.seconds(Self.limitInSeconds)
    let start = ContinuousClock.now
    func now() -> Int64 { CheckpointRunner.microseconds(.now - start) }
    var round = QuiesceRound(
      over: vms.map(\.identifier),
      now: 0,
      limit: CheckpointRunner.microseconds(limit),
      markTime: Int64(CheckpointRunner.limitInMilliseconds) * 1000
    )
    var made: Checkpoint?
    var outcome: QuiesceRound.Outcome?
    await withTaskGroup(of: Answer.self) { group in
      var actions = round.firstActions
      group.addTask {
        // Cut short only when the manager stops.
        try? await Task.sleep(until: start + limit)
        return .timeIsUp
      }
      while true {
        for action in actions {
          switch action {
          case .freeze(let vm):
            guard let vm = vms.first(where: { $0.identifier == vm }) else { continue }
            group.addTask { await self.freeze(vm, vpg) }
          case .mark: group.addTask { .mark(await mark(start + limit)) }
          case .thaw(let vm):
            group.addTask {
              await self.thaw(vm)
              return .thawed(vm)
            }
          case .finish(let end): outcome = end
          }
        }
        if outcome != nil { group.cancelAll() }
        guard let answer = await group.next() else { break }
        switch answer {
        case .frozen(let vm): actions = round.frozen(vm, now: now())
        case .notFrozen(let vm, let reason, let isUntouched):
          actions = round.notFrozen(vm, reason, isUntouched: isUntouched)
        case .mark(.marked(let checkpoint)):
          made = checkpoint
          actions = round.marked()
        case .mark(.notMarked(let reason)):
          // A manager that stops does not try again.
          actions = round.notMarked(reason, now: Task.isCancelled ? .max / 2 : now())
        case .thawed(let vm): actions = round.thawed(vm)
        case .timeIsUp:
          actions =
            start + limit <= .now
            ? round.tick(now: now()) : round.abandon("the manager is stopping")
        }
      }
    }
    guard let outcome else { preconditionFailure("the round never ended") }
    return (outcome, made)
  }

  private func freeze(_ vm: VPGDefinition.ProtectedVM, _ vpg: VPGIdentifier) async -> Answer {
    let identifier = vm.identifier
    func untouched(_ reason: String) -> Answer {
      .notFrozen(identifier, reason, isUntouched: true)
    }
    do {
      guard let found = try await context.hypervisor.virtualMachine(identifier),
        found.power == .running
      else { return untouched("it is not running") }
      let guest = FrozenGuestRecord(
        vm: identifier,
        name: vm.name,
        vpg: vpg,
        runIdentifier: found.runIdentifier
      )
      do { try await context.store.save(guest) } catch {
        return untouched(SiteError(error).message)
      }
      written[identifier] = guest
      try await context.hypervisor.freezeFileSystems(
        of: identifier,
        timeoutInSeconds: Self.limitInSeconds
      )
      return .frozen(identifier)
    } catch {
      let reason = SiteError(error).message
      switch error {
      case .noGuestAgent, .frozenByOthers, .notRunning, .noSuchVM: return untouched(reason)
      default: break
      }
      return .notFrozen(identifier, reason, isUntouched: false)
    }
  }

  // MARK: Thawing

  private func thaw(_ vm: VMIdentifier) async {
    if let guest = written[vm] { await thaw(guest) }
  }

  /// Thaws a guest, or finds that there is nothing to thaw; if neither, it is stuck.
  private func thaw(_ guest: FrozenGuestRecord) async {
    do {
      let found = try await context.hypervisor.virtualMachine(guest.vm)
      if let found, found.power != .off, found.runIdentifier == guest.runIdentifier {
        try await context.hypervisor.thawFileSystems(of: guest.vm)
      }
      guard stuck.remove(guest.vm) != nil else { return }
      await context.events.record(
        .unknown,
        "The file systems of the VM \(guest.name) are thawed.",
        vpgs: [guest.vpg]
      )
    } catch {
      guard stuck.insert(guest.vm).inserted else { return }
      await context.events.record(
        .unknown,
        "The file systems of the VM \(guest.name) may be frozen and cannot be thawed: "
          + "\(SiteError(error).message) It is tried again until it is done.",
        succeeded: false,
        vpgs: [guest.vpg]
      )
    }
  }

  private func crossOutIfThawed(_ guest: FrozenGuestRecord) async {
    guard !stuck.contains(guest.vm) else { return }
    do {
      try await context.store.removeFrozenGuest(guest.vm)
      written[guest.vm] = nil
    } catch {
      context.logger.warning(
        "a thawed guest is still in the store",
        metadata: ["vm": "\(guest.vm)", "error": "\(error)"]
      )
    }
  }
}

extension QuiesceRound.Reason {
  /// For an operator, by the VMs' names.
  fileprivate func words(_ names: [VMIdentifier: String]) -> String {
    switch self {
    case .notFrozen(let vm, let reason): "\(names[vm] ?? "\(vm)") was not frozen: \(reason)"
    case .notMarked(let reason): "it could not be marked while the guests were frozen: \(reason)"
    case .limit:
      "the guests would have been frozen for more than \(GuestFreezer.limitInSeconds) seconds."
    }
  }
}
