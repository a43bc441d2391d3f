// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The manager's part in one checkpoint for which guests' file systems are at rest.
///
/// All guests are frozen, then the checkpoint is marked in all streams, then all are thawed. What
/// must hold:
///
/// - Nobody is asked for a mark before every guest is frozen, nor so late that it could come behind
///   a thaw: `markTime` before the limit is the last moment.
/// - When the limit is reached every guest is told to thaw, whatever is still under way.
/// - A guest that was told to freeze is told to thaw after it has answered, however it answered and
///   however late: a freeze that nobody waited for is not left behind.
///
/// A guest that cannot be thawed is somebody else's business: the round only waits for an answer.
/// Times are microseconds of any steady clock.
package struct QuiesceRound: Sendable {
  /// What the caller is to do.
  package enum Action: Hashable, Sendable {
    case freeze(VMIdentifier)
    case mark
    case thaw(VMIdentifier)
    case finish(Outcome)
  }

  /// How a round ended.
  package enum Outcome: Hashable, Sendable {
    /// The mark was put in while every guest was frozen.
    case quiesced
    /// There is no such mark.
    case gaveUp(Reason)
  }

  /// Why there is no checkpoint with guests at rest.
  package enum Reason: Hashable, Sendable {
    /// This guest was not frozen, and says why.
    case notFrozen(VMIdentifier, String)
    /// The checkpoint could not be marked, and that is why.
    case notMarked(String)
    /// The guests would have been frozen for longer than the limit.
    case limit
  }

  private enum Phase: Hashable {
    case freezing
    case marking
    /// The guests are let go; a mark may still be about to answer.
    case releasing(isMarking: Bool)
    case finished
  }

  private struct Guest {
    /// It was told to freeze and has not answered.
    var isFreezing = true
    /// It was told to thaw and has not answered.
    var isThawing = false
    /// Its freeze was answered while it was being thawed, so nobody knows which came last.
    var isDoubtful = false
    var mayBeFrozen = true
  }

  private let vms: [VMIdentifier]
  private let markTime: Int64
  private let deadline: Int64
  private var guests: [VMIdentifier: Guest]
  private var phase = Phase.freezing
  private var outcome = Outcome.gaveUp(.limit)

  /// Makes a round over `vms`, each named once, that freezes no guest for longer than `limit`
  /// microseconds; a mark may take up to `markTime`.
  package init(over vms: [VMIdentifier], now: Int64, limit: Int64, markTime: Int64) {
    precondition(!vms.isEmpty, "nobody to freeze")
    self.vms = vms
    self.markTime = markTime
    deadline = now + limit
    guests = Dictionary(vms.map { ($0, Guest()) }) { $1 }
  }

  /// What to do first.
  package var firstActions: [Action] { vms.map { .freeze($0) } }

  /// A guest's file systems are frozen.
  package mutating func frozen(_ vm: VMIdentifier, now: Int64) -> [Action] {
    guard answered(vm) else { return [] }
    switch phase {
    case .freezing:
      guard !guests.values.contains(where: \.isFreezing) else { return [] }
      return mark(now: now, otherwise: .limit)
    case .marking, .finished: return []
    case .releasing: return release()
    }
  }

  /// A guest was not frozen.
  ///
  /// `isUntouched` says that it is known to be as it was, and needs no thaw.
  package mutating func notFrozen(
    _ vm: VMIdentifier,
    _ reason: String,
    isUntouched: Bool
  ) -> [Action] {
    guard answered(vm) else { return [] }
    if isUntouched { guests[vm]?.mayBeFrozen = false }
    if phase == .freezing {
      phase = .releasing(isMarking: false)
      outcome = .gaveUp(.notFrozen(vm, reason))
    }
    return release()
  }

  /// The checkpoint is marked in all streams.
  ///
  /// It was marked before the limit: that is the caller's promise, which it keeps by the time it
  /// gives the mark.
  package mutating func marked() -> [Action] { ended(.quiesced) }

  /// The checkpoint is not marked; while there is time it is tried again.
  package mutating func notMarked(_ reason: String, now: Int64) -> [Action] {
    phase == .marking
      ? mark(now: now, otherwise: .notMarked(reason)) : ended(.gaveUp(.notMarked(reason)))
  }

  /// A guest answered its thaw: it is thawed, or has become somebody else's business.
  package mutating func thawed(_ vm: VMIdentifier) -> [Action] {
    guard guests[vm]?.isThawing == true else { return [] }
    guests[vm]?.isThawing = false
    if guests[vm]?.isFreezing == false, guests[vm]?.isDoubtful == false {
      guests[vm]?.mayBeFrozen = false
    }
    guests[vm]?.isDoubtful = false
    return release()
  }

  /// Called when the limit is reached, and as often as one likes.
  package mutating func tick(now: Int64) -> [Action] {
    guard now >= deadline else { return [] }
    return letGo(.limit)
  }

  /// Called when nothing is to be begun any more: guests that are frozen are not left so.
  ///
  /// A mark that is under way is waited for, until the limit.
  package mutating func abandon(_ reason: String) -> [Action] {
    phase == .freezing ? letGo(.notMarked(reason)) : []
  }

  /// Thaws everybody, also those that have not answered their freeze.
  private mutating func letGo(_ reason: Reason) -> [Action] {
    switch phase {
    case .freezing:
      phase = .releasing(isMarking: false)
      outcome = .gaveUp(reason)
    case .marking: phase = .releasing(isMarking: true)
    case .releasing: break
    case .finished: return []
    }
    return vms.flatMap { vm -> [Action] in
      guests[vm]?.isFreezing == true && guests[vm]?.isThawing == false ? [thaw(vm)] : []
    } + release()
  }

  /// Takes note of the answer to a freeze.
  ///
  /// Returns whether it was waited for.
  private mutating func answered(_ vm: VMIdentifier) -> Bool {
    guard var guest = guests[vm], guest.isFreezing else { return false }
    guest.isFreezing = false
    guest.isDoubtful = guest.isThawing
    guests[vm] = guest
    return true
  }

  /// Marks if there is time, else gives up.
  private mutating func mark(now: Int64, otherwise reason: Reason) -> [Action] {
    if now + markTime <= deadline {
      phase = .marking
      return [.mark]
    }
    phase = .releasing(isMarking: false)
    outcome = .gaveUp(reason)
    return release()
  }

  private mutating func ended(_ end: Outcome) -> [Action] {
    switch phase {
    case .marking, .releasing(isMarking: true): break
    case .freezing, .releasing, .finished: return []
    }
    phase = .releasing(isMarking: false)
    outcome = end
    return release()
  }

  private mutating func thaw(_ vm: VMIdentifier) -> Action {
    guests[vm]?.isThawing = true
    return .thaw(vm)
  }

  /// Thaws whoever has answered, and finishes once everybody is done.
  private mutating func release() -> [Action] {
    guard case .releasing(let isMarking) = phase else { return [] }
    var actions: [Action] = []
    for vm in vms {
      guard let guest = guests[vm], guest.mayBeFrozen, !guest.isFreezing else { continue }
      if guest.isThawing { continue }
      actions.append(thaw(vm))
    }
    let isDone = guests.values.allSatisfy { !$0.mayBeFrozen && !$0.isFreezing && !$0.isThawing }
    if isDone, !isMarking {
      phase = .finished
      actions.append(.finish(outcome))
    }
    return actions
  }
}
