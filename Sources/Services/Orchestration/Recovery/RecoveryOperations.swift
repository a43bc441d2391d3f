// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import Logging
package import RecoveryModel
package import Store

/// The failover tests, failovers and moves this site carries out as the recovery site.
///
/// One workflow at most per VPG, and a clone beside it, which ``DurableJobs`` drives. A workflow is
/// stored before each of its steps, so a manager that is killed goes on with the step it was in;
/// ``RecoveryWorkflow`` says which and why that is safe. Only the task that drives a workflow
/// changes it; while it rests, a request does.
package actor RecoveryOperations: RecoveryOperating {
  /// Pause before a step that failed is tried again.
  static let retryPause = Duration.seconds(2)

  let context: SiteContext
  private let steps: RecoverySteps
  let clones: Clones
  let searches: PointSearches
  let retentions: Retentions
  let restores: Restores
  let relocations: Relocations
  private(set) var active: [VPGIdentifier: StoredRecovery] = [:]
  /// What an earlier manager left, until it is gone on with.
  private var loaded: [StoredRecovery] = []

  /// `checks` look at the VMs that a search for a good point starts.
  package init(context: SiteContext, checks: any PointChecking = GuestChecks()) {
    self.context = context
    steps = RecoverySteps(context: context)
    clones = Clones(context: context, steps: CloneSteps(context: context))
    searches = PointSearches(
      context: context,
      steps: PointSearchSteps(context: context, checks: checks)
    )
    retentions = Retentions(
      context: context,
      steps: RetentionSteps(context: context, gate: context.gate)
    )
    relocations = Relocations(context: context, steps: RelocationSteps(context: context))
    restores = Restores(
      context: context,
      steps: RestoreSteps(context: context, gate: context.gate)
    )
  }

  // MARK: After a restart

  package func load(_ records: [WorkflowRecord]) async {
    for record in records {
      do throws(SiteError) {
        switch record.kind {
        case StoredClone.words.kind: await clones.load(try StoredClone(record))
        case StoredPointSearch.words.kind: try await loadSearch(try StoredPointSearch(record))
        case StoredRetention.words.kind: await retentions.load(try StoredRetention(record))
        case StoredRestore.words.kind: await restores.load(try StoredRestore(record))
        case StoredRelocation.words.kind: await relocations.load(try StoredRelocation(record))
        default:
          let stored = try StoredRecovery(record)
          loaded.append(stored)
          if !stored.workflow.stage.isFinal { active[record.vpg] = stored }
        }
      } catch {
        await noteFailedResumption(error, vpg: record.vpg)
      }
    }
  }

  package func resume() async {
    await clones.resume()
    await searches.resume()
    await retentions.resume()
    await restores.resume()
    await relocations.resume()
    let open = Set(await context.tasks.unfinished().map(\.identifier))
    for stored in loaded {
      let vpg = stored.workflow.vpg
      if stored.workflow.stage.isFinal {
        do throws(SiteError) { try await conclude(stored) } catch {
          await noteFailedResumption(error, vpg: vpg)
        }
        continue
      }
      // A request that came since then drives it already.
      guard active[vpg] == stored else { continue }
      // A workflow that rests may do so since a moment before its task was to end.
      if let task = stored.task, stored.workflow.stage != .running || open.contains(task) {
        await carryOn(vpg, task)
      } else {
        scheduleCommitPolicy(of: vpg)
      }
    }
    loaded = []
  }

  private func noteFailedResumption(_ error: SiteError, vpg: VPGIdentifier) async {
    await context.events.record(
      .failover,
      "An unfinished recovery cannot be gone on with: \(error.message)",
      succeeded: false,
      vpgs: [vpg]
    )
  }

  // MARK: Asking

  /// What the VPG's status says about a recovery; nil without one.
  package func progress(of vpg: VPGIdentifier) -> RecoveryProgress? {
    active[vpg].map { RecoveryProgress(of: $0.workflow) }
  }

  package func progress() -> [VPGIdentifier: RecoveryProgress] {
    active.mapValues { RecoveryProgress(of: $0.workflow) }
  }

  package func waiting() -> [RecoveryWorkflow] {
    active.values.map(\.workflow).filter { $0.stage == .running || $0.stage == .leaving }
  }

  package func recovered(of vpg: VPGIdentifier) -> VPGRecord.Recovered? {
    guard let workflow = active[vpg]?.workflow, workflow.kind != .test else { return nil }
    return workflow.recovered
  }

  /// Whether a test or failover of the VPG is not finished.
  package func isActive(_ vpg: VPGIdentifier) -> Bool { active[vpg] != nil }

  /// Checks a request against what is so now and begins it.
  package func begin(
    _ operation: VPGOperation,
    on record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    switch operation {
    case .failoverTest(let wish):
      try await searches.refuseIfActive(record.definition.identifier, record.definition.name)
      let plan = try await plan(for: record)
      return try await start(try plan.test(wish), as: .failoverTest, user: user)
    case .failover(let wish):
      let plan = try await plan(for: record)
      try await refuseIfRestoring(record.definition)
      let workflow = try plan.failover(wish)
      if workflow.remainder != nil { try await refuseParting(record) }
      return try await start(workflow, as: .failover, user: user)
    case .move(let wish):
      let plan = try await plan(for: record)
      try await refuseIfRestoring(record.definition)
      guard await context.peers.answers(record.definition.protectedSite) else {
        throw .unreachable(
          "A move needs both sites, and the protected one does not answer; fail over instead."
        )
      }
      return try await start(try plan.move(wish), as: .move, user: user)
    case .failoverTestStop(let succeeded, let summary):
      return try await request(
        .stopTest,
        of: record,
        as: .stopFailoverTest,
        user: user,
        verdict: (succeeded, summary)
      )
    case .failoverTestLeave(let vms, let succeeded, let summary):
      try refuseLeaving(vms, record.definition)
      return try await request(
        .leaveTest(Set(vms)),
        of: record,
        as: .stopFailoverTest,
        user: user,
        verdict: (succeeded, summary)
      )
    case .clone(let wish): return try await clone(wish, record, user: user)
    case .cloneAbort:
      let definition = record.definition
      return try await clones.abort(definition.identifier, of: definition.name, user: user)
    case .retain(let checkpoint): return try await retain(checkpoint, record, user: user)
    case .retainAbort:
      let definition = record.definition
      let task = try await retentions.abort(
        definition.identifier,
        of: definition.name,
        user: user
      )
      try await context.vpgs.update(definition.identifier) { $0.retention?.aborted() }
      return task
    case .failoverCommit(let reverseProtection):
      try await refuseCommitIfRead(record.definition)
      let reversal = try await reversal(reverseProtection, of: record, .commit(nil))
      return try await request(.commit(reversal), of: record, as: .failoverCommit, user: user)
    case .failoverRollback:
      return try await request(.rollBack, of: record, as: .failoverRollback, user: user)
    case .moveCommit(let reverseProtection, let keepsSourceVMs):
      try await refuseCommitIfRead(record.definition)
      let wish = RecoveryWorkflow.Request.commitMove(keepsSourceVMs: nil, nil)
      let reversal = try await reversal(reverseProtection, of: record, wish)
      return try await request(
        .commitMove(keepsSourceVMs: keepsSourceVMs, reversal),
        of: record,
        as: .moveCommit,
        user: user
      )
    case .moveRollback:
      return try await request(.rollBackMove, of: record, as: .moveRollback, user: user)
    case .restore, .restoreCommit, .restoreRollback, .pause, .resume, .forceSync,
      .insertCheckpoint, .insertQuiescedCheckpoint, .update, .delete, .resolve:
      throw .invalid("This operation is no recovery.")
    }
  }

  /// Where the way back leads; nil if there is to be none.
  ///
  /// Without a wish that of the failover or move counts. `request` is the commit that it is for.
  private func reversal(
    _ wish: Bool?,
    of record: VPGRecord,
    _ request: RecoveryWorkflow.Request
  ) async throws(SiteError) -> Reversal? {
    guard let workflow = active[record.definition.identifier]?.workflow,
      wish ?? workflow.kind.reverses
    else { return nil }
    var asked = workflow
    guard asked.request(request) != nil else { return nil }
    return try await steps.describeSource(workflow, record.definition)
  }

  private func plan(for record: VPGRecord) async throws(SiteError) -> RecoveryPlan {
    try refuseIfBusy(record.definition)
    return try await plan(of: record)
  }

  func plan(of record: VPGRecord) async throws(SiteError) -> RecoveryPlan {
    let definition = record.definition
    guard record.phase == .protecting else {
      throw .conflict("The VPG \(definition.name) cannot be recovered now: it is \(record.phase).")
    }
    var plan = RecoveryPlan(
      definition: definition,
      checkpoints: try await RecoverySite(context: context, definition: definition).checkpoints()
    )
    guard definition.isWithinOneSite else { return plan }
    do {
      plan.takenNames = Set(try await context.hypervisor.inventory().virtualMachines.map(\.name))
    } catch { throw SiteError(error) }
    return plan
  }

  func refuseIfBusy(_ definition: VPGDefinition) throws(SiteError) {
    guard let stored = active[definition.identifier] else { return }
    switch stored.workflow.kind {
    case .test:
      throw .conflict("A failover test of the VPG \(definition.name) is running; stop it first.")
    case .failover:
      throw .conflict(
        "A failover of the VPG \(definition.name) is under way; commit it or roll it back first."
      )
    case .move:
      throw .conflict(
        "A move of the VPG \(definition.name) is under way; commit it or roll it back first."
      )
    }
  }

  private func start(
    _ workflow: RecoveryWorkflow,
    as kind: TaskRecord.Kind,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = workflow.vpg
    // Another request may have come while the checkpoints were read.
    guard active[vpg] == nil else {
      throw .conflict("Another recovery operation of this VPG has just begun.")
    }
    var stored = StoredRecovery(workflow: workflow, user: user)
    stored.began = context.now()
    stored.startedBy = user
    stored.steps = []
    stored.note(RecoveryReports.words(workflow.kind), by: user, at: stored.began ?? context.now())
    return try await begin(stored, as: kind)
  }

  private func request(
    _ request: RecoveryWorkflow.Request,
    of record: VPGRecord,
    as kind: TaskRecord.Kind,
    user: String,
    verdict: (succeeded: Bool, summary: String)? = nil
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = record.definition.identifier
    guard var stored = active[vpg], stored.workflow.request(request) != nil else {
      throw refusal(of: request, record.definition)
    }
    stored.user = user
    stored.note(request.words(stored.workflow), by: user, at: context.now())
    if let (succeeded, summary) = verdict {
      stored.noteVerdict(succeeded, summary, on: request, by: user, at: context.now())
    }
    return try await begin(stored, as: kind)
  }

  /// Takes a workflow that has something to do, stores it and has a task drive it.
  private func begin(
    _ stored: StoredRecovery,
    as kind: TaskRecord.Kind
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = stored.workflow.vpg
    let before = active[vpg]
    active[vpg] = stored
    // The task that has just brought the workflow to its rest drives it no further.
    active[vpg]?.task = nil
    let task: TaskIdentifier
    do throws(SiteError) {
      task = try await context.tasks.begin(kind, user: stored.user, vpgs: [vpg])
    } catch {
      active[vpg] = before
      throw error
    }
    active[vpg]?.task = task
    do throws(SiteError) {
      if let stored = active[vpg] { try await save(stored) }
    } catch {
      active[vpg] = before
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
    await carryOn(vpg, task)
    return task
  }

  private func carryOn(_ vpg: VPGIdentifier, _ task: TaskIdentifier) async {
    await context.tasks.carryOn(task) { [self] task throws(SiteError) in
      try await drive(vpg, task: task)
    }
  }

  // MARK: Driving

  /// Carries out actions until the workflow rests, is finished, or belongs to another task.
  private func drive(_ vpg: VPGIdentifier, task: TaskIdentifier) async throws(SiteError) {
    while let stored = active[vpg], stored.task == task {
      switch stored.workflow.nextAction {
      case .perform(let step), .retry(let step):
        try await take(step, of: stored, task: task)
      case .wait:
        try await rest(vpg)
        return
      case .finish:
        try await finish(stored)
        return
      }
    }
  }

  private func take(
    _ step: RecoveryWorkflow.Step,
    of stored: StoredRecovery,
    task: TaskIdentifier
  ) async throws(SiteError) {
    var stored = stored
    var pauses = false
    var ran: String?
    let wasCutShort = try await begin(step, of: &stored)
    var done = RecoveryReport.Step(
      description: RecoveryReports.words(step, stored.workflow),
      began: context.now(),
      ended: context.now(),
      failure: ""
    )
    do throws(SiteError) {
      if wasCutShort { throw .failed(RecoverySteps.cutShort) }
      switch try await steps.perform(step, of: stored.workflow) {
      case .done: break
      case .ran(let words): ran = words
      case .started(let machine, let vm): stored.workflow.started(machine, as: vm)
      case .settled(let checkpoint): stored.workflow.settled(at: checkpoint)
      case .found(let findings):
        done.failure = findings.shortfalls.joined(separator: " ")
        stored.note(findings, at: context.now())
      }
      stored.noteVerification(by: step, at: context.now())
      _ = stored.workflow.stepDone()
    } catch {
      if Task.isCancelled { throw error }
      done.failure = error.message
      if case .runScript = step {
        ran = error.message
      } else {
        await context.events.record(
          .failover,
          "A step of a recovery failed (\(step)): \(error.message)",
          succeeded: false,
          user: stored.user,
          vpgs: [stored.workflow.vpg]
        )
      }
      if case .retry = stored.workflow.stepFailed(error.message) { pauses = true }
    }
    done.ended = context.now()
    stored.note(done)
    if case .runScript(let script) = step, let ran {
      stored.note(script, ran, hasPassed: done.failure.isEmpty, at: context.now())
      await note(script, of: stored, ran, succeeded: done.failure.isEmpty, task)
    }
    active[stored.workflow.vpg] = stored
    let taken = stored
    try await insisting { () throws(SiteError) in try await save(taken) }
    await context.tasks.progress(task, stored.workflow.progress)
    if pauses {
      do { try await Task.sleep(for: Self.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// Has it stored that a script is about to be run; whether one was begun that nobody saw end.
  private func begin(
    _ step: RecoveryWorkflow.Step,
    of stored: inout StoredRecovery
  ) async throws(SiteError) -> Bool {
    guard case .runScript = step else { return false }
    if stored.workflow.isScriptUnderWay { return true }
    stored.workflow.beginScript()
    active[stored.workflow.vpg] = stored
    try await save(stored)
    return false
  }

  /// Says how a script went, in an event and with the task.
  private func note(
    _ script: RecoveryWorkflow.Script,
    of stored: StoredRecovery,
    _ words: String,
    succeeded: Bool,
    _ task: TaskIdentifier
  ) async {
    await context.events.record(
      script.event,
      words,
      succeeded: succeeded,
      user: stored.user,
      vpgs: [stored.workflow.vpg]
    )
    await context.tasks.note(task, words)
  }

  private func rest(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard var stored = active[vpg] else { return }
    if stored.restedAt == nil { stored.restedAt = context.now() }
    active[vpg] = stored
    let rested = stored
    try await insisting { () throws(SiteError) in try await save(rested) }
    scheduleCommitPolicy(of: vpg)
    let left = stored.workflow.namesOfLeft
    if left.isEmpty, let task = stored.task, let shortfalls = stored.shortfalls {
      await context.tasks.succeed(task, but: shortfalls.joined(separator: " "))
    }
    let (kind, text) = stored.workflow.kind.resting(without: left)
    await context.events.record(kind, text, user: stored.user, vpgs: [vpg])
  }

  private func finish(_ stored: StoredRecovery) async throws(SiteError) {
    let workflow = stored.workflow
    active[workflow.vpg] = nil
    try await insisting { () throws(SiteError) in try await conclude(stored) }
    guard workflow.failure.isEmpty else { throw .failed(workflow.failure) }
    let (kind, text) = workflow.kind.ended(isCommitted: workflow.stage == .committed)
    await context.events.record(kind, text, user: stored.user, vpgs: [workflow.vpg])
  }

  /// Writes down how a workflow ended, and forgets it last: a manager that is killed in between
  /// concludes it again.
  private func conclude(_ stored: StoredRecovery) async throws(SiteError) {
    let workflow = stored.workflow
    if workflow.kind == .test && workflow.failure.isEmpty {
      let now = context.now()
      try await context.vpgs.update(workflow.vpg) { $0.lastTest = now }
    }
    // Who sees the task's end finds the report.
    if let report = await RecoveryReports(context: context).report(of: stored) {
      do { try await context.store.save(report) } catch { throw SiteError(error) }
    }
    if let task = stored.task {
      if workflow.failure.isEmpty {
        await context.tasks.succeed(task)
      } else {
        await context.tasks.fail(task, reason: workflow.failure)
      }
    }
    do { try await context.store.removeWorkflow(workflow.identifier) } catch {
      throw SiteError(error)
    }
  }

  /// Has the commit policy carried out when its time is up, unless a person was faster.
  private func scheduleCommitPolicy(of vpg: VPGIdentifier) {
    guard let stored = active[vpg], let (policy, delayInSeconds) = stored.workflow.kind.policy,
      policy != .none
    else { return }
    let elapsed = stored.restedAt.map { context.now().seconds(since: $0) } ?? 0
    let remaining = max(0, Double(delayInSeconds) - elapsed)
    let identifier = stored.workflow.identifier
    context.scope.start { [self] in
      guard (try? await Task.sleep(for: .seconds(remaining))) != nil else { return }
      await carryOutPolicy(policy, workflow: identifier, vpg: vpg)
    }
  }

  private func carryOutPolicy(
    _ policy: VPGOperation.CommitPolicy,
    workflow identifier: String,
    vpg: VPGIdentifier
  ) async {
    guard let stored = active[vpg], stored.workflow.identifier == identifier,
      stored.workflow.stage == .running, let record = await context.vpgs.record(vpg)
    else { return }
    let operation = stored.workflow.kind.decision(commits: policy == .commit)
    do throws(SiteError) {
      // Nobody is asked any more, and a recovery is worth more than a copy.
      if policy == .commit {
        try await clones.end(vpg, because: "The clone was ended by the commit of a recovery.")
        try await searches.end(vpg, because: "The search was ended by the commit of a recovery.")
        try await retentions.end(vpg, because: "The copy was ended by the commit of a recovery.")
        try await endReaders(of: record.definition)
      }
      _ = try await begin(operation, on: record, user: stored.user)
    } catch {
      await context.events.record(
        .failover,
        "The commit policy could not be carried out: \(error.message)",
        succeeded: false,
        user: stored.user,
        vpgs: [vpg]
      )
    }
  }

  /// Tries again what the store did not take: a recovery on its way has nobody else to go on
  /// with it before the manager is started again.
  private func insisting(_ body: () async throws(SiteError) -> Void) async throws(SiteError) {
    while true {
      do throws(SiteError) { return try await body() } catch {
        guard case .failed(let reason) = error, !Task.isCancelled else { throw error }
        context.logger.error("a recovery is not stored", metadata: ["reason": "\(reason)"])
      }
      do { try await Task.sleep(for: Self.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  private func save(_ stored: StoredRecovery) async throws(SiteError) {
    let record = try stored.record()
    do { try await context.store.save(record) } catch { throw SiteError(error) }
  }
}
