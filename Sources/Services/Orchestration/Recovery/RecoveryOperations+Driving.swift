// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import RecoveryModel
internal import Store

// Carrying workflows out, step by step: each step's end is stored before the next one begins.

extension RecoveryOperations {
  /// Carries out actions until the workflow rests, is finished, or belongs to another task.
  func drive(_ vpg: VPGIdentifier, task: TaskIdentifier) async throws(SiteError) {
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
          "A step of a recovery failed (\(done.description)): \(error.message)",
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
  func conclude(_ stored: StoredRecovery) async throws(SiteError) {
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
  func scheduleCommitPolicy(of vpg: VPGIdentifier) {
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

  /// Decides as the policy says, as soon as that is possible: nobody else may be there to do it.
  private func carryOutPolicy(
    _ policy: VPGOperation.CommitPolicy,
    workflow identifier: String,
    vpg: VPGIdentifier
  ) async {
    var said: Set<String> = []
    while let stored = active[vpg], stored.workflow.identifier == identifier,
      stored.workflow.stage == .running, let record = await context.vpgs.record(vpg)
    {
      do throws(SiteError) { return try await decide(policy, stored, record) } catch {
        // A person may have decided while this waited for an answer.
        if Task.isCancelled || active[vpg]?.workflow.stage != .running { return }
        if said.insert(error.message).inserted {
          await context.events.record(
            .failover,
            "The commit policy cannot be carried out yet: \(error.message)",
            succeeded: false,
            user: stored.user,
            vpgs: [vpg]
          )
        }
      }
      guard (try? await Task.sleep(for: Self.retryPause)) != nil else { return }
    }
  }

  private func decide(
    _ policy: VPGOperation.CommitPolicy,
    _ stored: StoredRecovery,
    _ record: VPGRecord
  ) async throws(SiteError) {
    let vpg = stored.workflow.vpg
    if policy == .commit {
      // What can refuse it comes first: nobody's copy is ended for a commit that cannot be.
      try await refuseIrreversible(record)
      // Nobody is asked any more, and a recovery is worth more than a copy.
      try await clones.end(vpg, because: "The clone was ended by the commit of a recovery.")
      try await searches.end(vpg, because: "The search was ended by the commit of a recovery.")
      try await retentions.end(vpg, because: "The copy was ended by the commit of a recovery.")
      try await endReaders(of: record.definition)
    }
    let operation = stored.workflow.kind.decision(commits: policy == .commit)
    _ = try await begin(operation, on: record, user: stored.user)
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

  func save(_ stored: StoredRecovery) async throws(SiteError) {
    let record = try stored.record()
    do { try await context.store.save(record) } catch { throw SiteError(error) }
  }
}
