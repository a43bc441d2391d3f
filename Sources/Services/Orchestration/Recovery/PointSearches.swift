// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import RecoveryModel
internal import Store

/// The searches for last good points that this site makes as the recovery site.
///
/// One at most per VPG, and no failover test beside it, because its probes are such. Searches are
/// stored and driven as clones are: a search is aborted while a step of it is under way, so the
/// workflow in `known` is the only one, and nobody keeps a copy of it over an `await`.
actor PointSearches {
  /// Pause before what failed is tried again.
  private static let retryPause = Duration.seconds(2)
  /// Pause between two looks at VMs that are not well yet.
  private static let lookPause = Duration.seconds(1)

  private let context: SiteContext
  private let steps: RecoverySteps
  private let checks: any PointChecking
  /// Those under way, and of the other VPGs the last one.
  private var known: [VPGIdentifier: StoredPointSearch] = [:]
  /// The VPGs of searches that an earlier manager left, until they are gone on with.
  private var loaded: [VPGIdentifier] = []

  init(context: SiteContext, checks: any PointChecking) {
    self.context = context
    self.checks = checks
    steps = RecoverySteps(context: context)
  }

  /// Whether a search in the VPG is not over.
  func isActive(_ vpg: VPGIdentifier) -> Bool { known[vpg]?.ended == nil && known[vpg] != nil }

  /// The search under way, or the last one.
  func search(in vpg: VPGIdentifier) -> StoredPointSearch? { known[vpg] }

  /// Takes a search of an earlier manager.
  func load(_ record: WorkflowRecord) async throws(SiteError) {
    let stored = try StoredPointSearch(record)
    guard await context.vpgs.record(record.vpg) != nil || stored.ended == nil else {
      return try await forget(stored)
    }
    // One that was followed by another may still be there.
    if let other = known[record.vpg] {
      let (newer, older) = stored.began > other.began ? (stored, other) : (other, stored)
      known[record.vpg] = newer
      return try await forget(older)
    }
    known[record.vpg] = stored
    loaded.append(record.vpg)
  }

  /// Goes on with the searches that were loaded; whatever else is under way has begun by itself.
  func resume() async {
    let open = Set(await context.tasks.unfinished().map(\.identifier))
    for vpg in loaded {
      guard let stored = known[vpg], let task = stored.task else { continue }
      // One that is over may not have said so yet.
      if stored.ended == nil || open.contains(task) { carryOn(vpg, task) }
    }
    loaded = []
  }

  // MARK: Asking

  func begin(_ stored: StoredPointSearch, of name: String) async throws(SiteError)
    -> TaskIdentifier
  {
    let vpg = stored.workflow.vpg
    try refuseIfActive(vpg, name)
    let before = known[vpg]
    known[vpg] = stored
    let task: TaskIdentifier
    do throws(SiteError) {
      task = try await context.tasks.begin(.failoverTest, user: stored.user, vpgs: [vpg])
    } catch {
      known[vpg] = before
      throw error
    }
    known[vpg]?.task = task
    do throws(SiteError) { try await save(vpg) } catch {
      known[vpg] = before
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
    if let before { try? await forget(before) }
    carryOn(vpg, task)
    return task
  }

  func refuseIfActive(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard !isActive(vpg) else {
      throw .conflict(
        "The last good point of the VPG \(name) is being searched for; wait for the end or abort "
          + "it first."
      )
    }
  }

  /// Has a search ended; the task ends when nothing of it is left.
  func abort(_ vpg: VPGIdentifier, of name: String, user: String) async throws(SiteError)
    -> TaskIdentifier
  {
    try refuseAbort(vpg, name)
    let task = try await context.tasks.begin(.stopFailoverTest, user: user, vpgs: [vpg])
    do throws(SiteError) {
      // It may have ended while the task was stored.
      try refuseAbort(vpg, name)
      known[vpg]?.abortTask = task
      try await abort(vpg, because: "The search was aborted by \(user).")
      return task
    } catch {
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
  }

  /// Has a search ended, for something that cannot wait for it, and waits for that.
  func end(_ vpg: VPGIdentifier, because reason: String) async throws(SiteError) {
    try await abort(vpg, because: reason)
    while isActive(vpg) {
      do { try await Task.sleep(for: .milliseconds(200)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  private func refuseAbort(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard var workflow = known[vpg]?.workflow, workflow.abort() else {
      throw .conflict("The VPG \(name) has no search under way that could be aborted.")
    }
  }

  private func abort(_ vpg: VPGIdentifier, because reason: String) async throws(SiteError) {
    guard known[vpg]?.workflow.abort() == true else { return }
    known[vpg]?.abortReason = reason
    try await save(vpg)
  }

  // MARK: Driving

  private func carryOn(_ vpg: VPGIdentifier, _ task: TaskIdentifier) {
    context.scope.start { [self] in
      do throws(SiteError) { try await drive(vpg) } catch {
        // A stopped manager leaves its searches: the next one goes on with them.
        if Task.isCancelled { return }
        await context.tasks.fail(task, reason: error.message)
      }
    }
  }

  private func drive(_ vpg: VPGIdentifier) async throws(SiteError) {
    while let action = known[vpg]?.workflow.nextAction {
      switch action {
      case .choose: try await choose(vpg)
      case .perform(let step), .retry(let step): try await take(step, of: vpg)
      case .check: try await check(vpg)
      case .finish: return try await finish(vpg)
      }
    }
  }

  /// Begins the next probe, or ends the search.
  private func choose(_ vpg: VPGIdentifier) async throws(SiteError) {
    if known[vpg]?.workflow.triesInVain ?? 0 > 0 { try await pause(Self.retryPause) }
    let record = await context.vpgs.record(vpg)
    let points: [Checkpoint]
    do throws(SiteError) {
      guard let record else { throw .notFound("The VPG is gone.") }
      points = try await RecoverySite(context: context, definition: record.definition)
        .checkpoints()
    } catch {
      if Task.isCancelled { throw error }
      // Whoever keeps the journals is away and may come back.
      if case .unreachable = error { return try await pause(Self.retryPause) }
      guard known[vpg]?.workflow.isOver == false else { return }
      known[vpg]?.workflow.fail(error.message)
      return try await keep(vpg)
    }
    // It may have been aborted meanwhile.
    guard let record, known[vpg]?.workflow.isOver == false else { return }
    if let next = known[vpg]?.workflow.choose(of: points) {
      do throws(SiteError) {
        let probe = try RecoveryPlan(definition: record.definition, checkpoints: points)
          .test(VPGOperation.FailoverTest(checkpoint: next.identifier))
        known[vpg]?.workflow.begin(probe, at: context.now())
      } catch { known[vpg]?.workflow.fail(error.message) }
    }
    try await keep(vpg)
  }

  private func take(
    _ step: RecoveryWorkflow.Step,
    of vpg: VPGIdentifier
  ) async throws(SiteError) {
    guard let probe = known[vpg]?.workflow.probe else { return }
    var pauses = false
    do throws(SiteError) {
      let outcome = try await steps.perform(step, of: probe)
      if case .started(let machine, let vm) = outcome {
        known[vpg]?.workflow.started(machine, as: vm)
      }
      known[vpg]?.workflow.stepDone(at: context.now())
    } catch {
      if Task.isCancelled { throw error }
      context.logger.warning(
        "a step of a search failed",
        metadata: ["vpg": "\(vpg)", "step": "\(step)", "reason": "\(error.message)"]
      )
      pauses = known[vpg]?.workflow.stepFailed(error.message, at: context.now()) ?? false
    }
    try await keep(vpg)
    if let stored = known[vpg], let task = stored.task {
      await context.tasks.progress(task, stored.workflow.progress(of: stored.pointCount))
    }
    if pauses { try await pause(Self.retryPause) }
  }

  /// Looks at the probe's VMs until they pass, their time is up, or nobody wants to know.
  private func check(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let workflow = known[vpg]?.workflow else { return }
    let vms = workflow.probe?.machines.compactMap(\.recovered) ?? []
    let deadline = ContinuousClock.now + .seconds(workflow.check.timeoutInSeconds)
    var finding = CheckFinding(hasPassed: false, words: "")
    while known[vpg]?.workflow.isAborted == false {
      finding = await checks.look(at: vms, for: workflow.check, by: context.hypervisor)
      if finding.hasPassed || ContinuousClock.now >= deadline { break }
      try await pause(Self.lookPause)
    }
    if Task.isCancelled { throw .failed("The manager is stopping.") }
    if known[vpg]?.workflow.isAborted == true {
      known[vpg]?.workflow.endCheck()
    } else {
      known[vpg]?.workflow.checked(
        PointSearchWorkflow.Verdict(hasPassed: finding.hasPassed, finding: finding.words)
      )
    }
    try await keep(vpg)
  }

  private func pause(_ duration: Duration) async throws(SiteError) {
    do { try await Task.sleep(for: duration) } catch { throw .failed("The manager is stopping.") }
  }

  /// Writes down how a search ended; a manager that is killed in between does it again.
  private func finish(_ vpg: VPGIdentifier) async throws(SiteError) {
    if known[vpg]?.ended == nil {
      known[vpg]?.ended = context.now()
      try await keep(vpg)
    }
    guard let stored = known[vpg] else { return }
    let isDone = stored.workflow.failure.isEmpty && stored.abortReason == nil
    if let task = stored.task {
      if isDone {
        await context.tasks.succeed(task)
      } else if stored.abortReason != nil {
        await context.tasks.stop(task, reason: stored.words)
      } else {
        await context.tasks.fail(task, reason: stored.words)
      }
    }
    if let task = stored.abortTask { await context.tasks.succeed(task) }
    await context.events.record(
      .stopFailoverTest,
      stored.words,
      succeeded: isDone,
      user: stored.user,
      vpgs: [vpg]
    )
  }

  /// Stores the search, and tries until it is done: who drives it cannot leave it half done.
  private func keep(_ vpg: VPGIdentifier) async throws(SiteError) {
    while true {
      do throws(SiteError) { return try await save(vpg) } catch {
        if Task.isCancelled { throw error }
        context.logger.error(
          "a search cannot be stored",
          metadata: ["vpg": "\(vpg)", "reason": "\(error.message)"]
        )
        try await pause(Self.retryPause)
      }
    }
  }

  /// Stores the search as it is; who changes it meanwhile does not have it stored as it was.
  private func save(_ vpg: VPGIdentifier) async throws(SiteError) {
    while let stored = known[vpg] {
      let record = try stored.record()
      do { try await context.store.save(record) } catch { throw SiteError(error) }
      if known[vpg] == stored { return }
    }
  }

  private func forget(_ stored: StoredPointSearch) async throws(SiteError) {
    do { try await context.store.removeWorkflow(stored.workflow.identifier) } catch {
      throw SiteError(error)
    }
  }
}
