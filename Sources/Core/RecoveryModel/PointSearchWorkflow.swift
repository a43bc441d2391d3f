// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A search for the last good point of a VPG, from its first probe to its last, without doing any
/// of it.
///
/// Each probe is a failover test: a ``RecoveryWorkflow`` of its own, which is undone once the
/// verdict is there. If the check is of files, it is a ``PointLook`` instead. What must hold:
///
/// - At most one probe is there at a time, and it is stored before anything of it is done.
/// - Whatever happens, an abort included, the probe is undone before the search ends: nothing of it
///   stays behind.
/// - A verdict comes from the check alone. A point that could not be tried has none; after
///   ``tries`` in vain the search ends and says why.
package struct PointSearchWorkflow: Codable, Sendable, Equatable {
  /// How often it is tried to bring a point up.
  package static let tries = 3

  package let identifier: String
  package let vpg: VPGIdentifier
  package let check: PointCheck
  /// Only points from this one on are looked at, and up to that one.
  package let oldest: CheckpointIdentifier?
  package let newest: CheckpointIdentifier
  package private(set) var search: PointSearch
  /// The test of the point that is being tried.
  package private(set) var probe: RecoveryWorkflow?
  /// The point whose files are being looked at; nil, as in searches of an older release, is none.
  package private(set) var look: PointLook?
  /// When the probe or the look was begun.
  package private(set) var probeBegan: WallTime?
  /// What the check said of it.
  package private(set) var verdict: Verdict?
  /// Why the check could not be made; nil if it could, or was not yet.
  private var obstacle: String?
  /// How often the current point could not be tried.
  package private(set) var triesInVain: Int
  package private(set) var isAborted: Bool
  /// Why the search ended without a result; empty otherwise.
  package private(set) var failure: String
  package private(set) var isOver: Bool

  package init(
    identifier: String,
    vpg: VPGIdentifier,
    check: PointCheck,
    oldest: CheckpointIdentifier?,
    newest: CheckpointIdentifier
  ) {
    self.identifier = identifier
    self.vpg = vpg
    self.check = check
    self.oldest = oldest
    self.newest = newest
    search = PointSearch()
    triesInVain = 0
    isAborted = false
    failure = ""
    isOver = false
  }

  /// What a check found.
  package struct Verdict: Codable, Sendable, Equatable {
    package var hasPassed: Bool
    package var finding: String

    package init(hasPassed: Bool, finding: String) {
      self.hasPassed = hasPassed
      self.finding = finding
    }
  }

  /// What the driver does next.
  package enum Action: Sendable, Equatable {
    /// Name the point to try, if there is one: see ``choose(of:)``.
    case choose
    /// A step of the probe.
    case perform(RecoveryWorkflow.Step)
    /// The same after a pause: it failed.
    case retry(RecoveryWorkflow.Step)
    /// Have the VMs that run, or the files that can be read, checked.
    case check
    /// Open the sessions of the look.
    case open
    /// Close them.
    case close
    case finish
  }
}

extension PointSearchWorkflow {
  /// What to do now.
  ///
  /// Asking changes nothing.
  package var nextAction: Action {
    switch look?.stage {
    case .opening: return .open
    case .open: return .check
    case .closing: return .close
    case nil: break
    }
    guard let probe else { return isOver ? .finish : .choose }
    switch probe.nextAction {
    case .perform(let step): return .perform(step)
    case .retry(let step): return .retry(step)
    case .wait: return .check
    case .finish: preconditionFailure("a probe that is over is not kept")
    }
  }

  /// The point that is being tried.
  package var probing: Checkpoint? { probe?.checkpoint ?? look?.checkpoint }

  /// The points that are looked at, of all that there are, in order.
  package func points(of all: [Checkpoint]) -> [Checkpoint] {
    all.filter { $0.identifier >= oldest ?? $0.identifier && $0.identifier <= newest }
  }

  /// The point to try next, of all that there are; nil ends the search.
  package mutating func choose(of all: [Checkpoint]) -> Checkpoint? {
    precondition(probing == nil && !isOver, "nothing is to be chosen now")
    let next = isAborted ? nil : search.next(of: points(of: all))
    if next == nil { isOver = true }
    return next
  }

  /// The test that tries the chosen point.
  package mutating func begin(_ probe: RecoveryWorkflow, at time: WallTime) {
    precondition(probing == nil && probe.kind == .test, "a probe is under way")
    self.probe = probe
    begin(at: time)
  }

  /// The look that tries the chosen point.
  package mutating func begin(_ look: PointLook, at time: WallTime) {
    precondition(probing == nil, "a probe is under way")
    self.look = look
    begin(at: time)
  }

  private mutating func begin(at time: WallTime) {
    probeBegan = time
    verdict = nil
    obstacle = nil
  }

  /// The files can be read.
  package mutating func opened() {
    guard look?.stage == .opening else { return }
    look?.stage = isAborted ? .closing : .open
  }

  /// The files cannot be read, or nobody wants to any more.
  package mutating func cannotOpen(_ reason: String) {
    guard look?.stage == .opening else { return }
    obstacle = reason
    look?.stage = .closing
  }

  /// The sessions are closed.
  package mutating func closed(at time: WallTime) {
    guard let look, look.stage == .closing else { return }
    self.look = nil
    conclude(look.checkpoint, at: time)
  }

  /// A recovered VM of the probe is known.
  package mutating func started(_ machine: Int, as vm: VMIdentifier) {
    probe?.started(machine, as: vm)
  }

  /// The step is done.
  package mutating func stepDone(at time: WallTime) {
    _ = probe?.stepDone()
    if isAborted { undo() }
    settle(at: time)
  }

  /// The step failed.
  ///
  /// - Returns: Whether it is to be tried again after a pause.
  package mutating func stepFailed(_ reason: String, at time: WallTime) -> Bool {
    let action = probe?.stepFailed(reason)
    settle(at: time)
    if case .retry = action { return true }
    return false
  }

  /// The check is done.
  package mutating func checked(_ verdict: Verdict) {
    guard isBeingChecked else { return }
    self.verdict = verdict
    undo()
  }

  /// The check could not be made, so that the point has no verdict.
  package mutating func cannotCheck(_ reason: String) {
    guard isBeingChecked else { return }
    obstacle = reason
    undo()
  }

  private var isBeingChecked: Bool { probe?.stage == .running || look?.stage == .open }

  /// There is no point in going on: nothing can be chosen any more.
  package mutating func fail(_ reason: String) {
    precondition(probing == nil, "a probe is under way")
    failure = reason
    isOver = true
  }

  /// Ends the search as soon as the current step is done and the probe is undone.
  ///
  /// - Returns: Whether there is anything to abort.
  package mutating func abort() -> Bool {
    guard !isOver, !isAborted else { return false }
    isAborted = true
    if probing == nil { isOver = true }
    return true
  }

  /// Ends the check of VMs that run, for an abort.
  package mutating func endCheck() {
    if isAborted { undo() }
  }

  /// 0...99, by the probes that are done; `count` points are looked at.
  package func progress(of count: Int) -> Int {
    let most = max(1, PointSearch.mostProbes(of: count))
    return min(99, search.probes.count * 99 / most)
  }

  private mutating func undo() {
    if look?.stage == .open { look?.stage = .closing }
    switch probe?.stage {
    case .running: _ = probe?.request(.stopTest)
    case .preparing: _ = probe?.stepFailed("The search was aborted.")
    case .leaving, .committing, .undoing, .committed, .undone, nil: break
    }
  }

  /// Draws the conclusion once the probe is undone.
  private mutating func settle(at time: WallTime) {
    guard let probe, probe.stage.isFinal else { return }
    self.probe = nil
    if obstacle == nil { obstacle = probe.failure }
    conclude(probe.checkpoint, at: time)
  }

  /// Draws it: nothing of the probe is there any more.
  private mutating func conclude(_ checkpoint: Checkpoint, at time: WallTime) {
    if let verdict {
      search.note(
        PointSearch.Probe(
          checkpoint: checkpoint,
          hasPassed: verdict.hasPassed,
          finding: verdict.finding,
          began: probeBegan ?? time,
          ended: time
        )
      )
      triesInVain = 0
    } else if !isAborted {
      triesInVain += 1
      if triesInVain == Self.tries {
        failure = "Checkpoint \(checkpoint.identifier) cannot be tried: \(obstacle ?? "")"
        isOver = true
      }
    }
    probeBegan = nil
    verdict = nil
    if isAborted { isOver = true }
  }
}
