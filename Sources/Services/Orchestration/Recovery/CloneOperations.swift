// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Logging
internal import RecoveryModel
internal import Store

/// The clones this site makes as the recovery site.
///
/// One at most per VPG, beside a failover test if there is one. They are stored and driven as
/// recoveries are, with one difference: a clone is aborted while a step of it is under way. So
/// the workflow in `active` is the only one; nobody keeps a copy of it over an `await`.
actor CloneOperations {
  /// Pause before a step that failed is tried again.
  private static let retryPause = Duration.seconds(2)

  private let context: SiteContext
  private let steps: CloneSteps
  private var active: [VPGIdentifier: StoredClone] = [:]
  /// The VPGs of clones that an earlier manager left, until they are gone on with.
  private var loaded: [VPGIdentifier] = []
  /// Clones that were at their end already; another one of the VPG may have begun since.
  private var ended: [StoredClone] = []
  /// What was last said of a step that is tried again and again.
  private var troubles: [VPGIdentifier: String] = [:]

  init(context: SiteContext) {
    self.context = context
    steps = CloneSteps(context: context)
  }

  /// Whether a clone of the VPG is being made or undone.
  func isActive(_ vpg: VPGIdentifier) -> Bool { active[vpg] != nil }

  /// Takes a clone that an earlier manager left unfinished.
  func load(_ record: WorkflowRecord) throws(SiteError) {
    let stored = try StoredClone(record)
    if stored.workflow.nextAction == .finish {
      ended.append(stored)
    } else {
      active[record.vpg] = stored
      loaded.append(record.vpg)
    }
  }

  /// Goes on with the clones that were loaded; whatever else is under way has begun by itself.
  func resume() async {
    for vpg in loaded {
      if let task = active[vpg]?.task { await carryOn(vpg, task) }
    }
    loaded = []
    for stored in ended {
      do throws(SiteError) { try await conclude(stored) } catch {
        context.logger.error("a clone is not ended", metadata: ["reason": "\(error.message)"])
      }
    }
    ended = []
  }

  // MARK: Asking

  func begin(
    _ workflow: CloneWorkflow,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = workflow.vpg
    try refuseIfActive(vpg, name)
    active[vpg] = StoredClone(workflow: workflow, user: user)
    let task: TaskIdentifier
    do throws(SiteError) {
      task = try await context.tasks.begin(.clone, user: user, vpgs: [vpg])
    } catch {
      active[vpg] = nil
      throw error
    }
    active[vpg]?.task = task
    do throws(SiteError) { try await save(vpg) } catch {
      active[vpg] = nil
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
    await carryOn(vpg, task)
    return task
  }

  func refuseIfActive(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard active[vpg] == nil else {
      throw .conflict(
        "A clone of the VPG \(name) is being made; wait for its end or abort it first."
      )
    }
  }

  /// Has a clone undone; the task ends when nothing of it is left.
  func abort(
    _ vpg: VPGIdentifier,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try refuseAbort(vpg, name)
    let task = try await context.tasks.begin(.abortClone, user: user, vpgs: [vpg])
    do throws(SiteError) {
      // It may have ended while the task was stored.
      try refuseAbort(vpg, name)
      active[vpg]?.abortTask = task
      try await abort(vpg, because: "The clone was aborted by \(user).")
      return task
    } catch {
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
  }

  /// Has a clone undone, for something that cannot wait for it, and waits for that.
  func end(_ vpg: VPGIdentifier, because reason: String) async throws(SiteError) {
    try await abort(vpg, because: reason)
    while active[vpg] != nil {
      do { try await Task.sleep(for: .milliseconds(200)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  private func refuseAbort(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard var workflow = active[vpg]?.workflow, !workflow.isAborted, workflow.abort() else {
      throw .conflict("The VPG \(name) has no clone under way that could be aborted.")
    }
  }

  private func abort(_ vpg: VPGIdentifier, because reason: String) async throws(SiteError) {
    guard active[vpg]?.workflow.abort() == true else { return }
    active[vpg]?.abortReason = reason
    try await save(vpg)
  }

  // MARK: Driving

  private func carryOn(_ vpg: VPGIdentifier, _ task: TaskIdentifier) async {
    context.scope.start { [self] in
      do throws(SiteError) {
        try await drive(vpg)
      } catch {
        // A stopped manager leaves its clones: the next one goes on with them.
        if Task.isCancelled { return }
        await context.tasks.fail(task, reason: error.message)
      }
    }
  }

  private func drive(_ vpg: VPGIdentifier) async throws(SiteError) {
    while let action = active[vpg]?.workflow.nextAction {
      switch action {
      case .perform(let step), .retry(let step): try await take(step, of: vpg)
      case .finish: try await finish(vpg)
      }
    }
  }

  private func take(
    _ step: CloneWorkflow.Step,
    of vpg: VPGIdentifier
  ) async throws(SiteError) {
    guard let workflow = active[vpg]?.workflow else { return }
    var action: CloneWorkflow.Action?
    do throws(SiteError) {
      let outcome = try await steps.perform(step, of: workflow) { copied in
        await self.goesOn(vpg, copied: copied)
      }
      if case .measured(let machine, let byteCounts) = outcome {
        active[vpg]?.workflow.measured(machine, byteCounts)
      }
      action = active[vpg]?.workflow.stepDone()
      troubles[vpg] = nil
    } catch {
      if Task.isCancelled { throw error }
      action = active[vpg]?.workflow.stepFailed(Self.failure(error))
      if active[vpg]?.workflow.isAborted == false { await note(error.message, of: vpg) }
    }
    try await insistOnSaving(vpg)
    _ = await goesOn(vpg, copied: 0)
    if case .retry = action {
      do { try await Task.sleep(for: Self.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  private static func failure(_ error: SiteError) -> CloneWorkflow.Failure {
    if case .unreachable(let reason) = error { return .away(reason) }
    return .refused(error.message)
  }

  /// Shows how far the clone is, and says whether it is still wanted.
  private func goesOn(_ vpg: VPGIdentifier, copied: UInt64) async -> Bool {
    guard let stored = active[vpg], let task = stored.task else { return false }
    await context.tasks.progress(task, stored.workflow.progress(copied: copied))
    return active[vpg]?.workflow.isAborted == false
  }

  private func note(_ trouble: String, of vpg: VPGIdentifier) async {
    guard troubles[vpg] != trouble, let user = active[vpg]?.user else { return }
    troubles[vpg] = trouble
    await context.events.record(
      .clone,
      "A step of a clone failed: \(trouble)",
      succeeded: false,
      user: user,
      vpgs: [vpg]
    )
  }

  private func finish(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let stored = active[vpg] else { return }
    // Who sees the task's end can have another clone made.
    active[vpg] = nil
    troubles[vpg] = nil
    try await conclude(stored)
  }

  /// Writes down how a clone ended, and forgets it last: a manager that is killed in between does
  /// it again.
  private func conclude(_ stored: StoredClone) async throws(SiteError) {
    let workflow = stored.workflow
    if let task = stored.task {
      if workflow.stage == .completed {
        await context.tasks.succeed(task)
      } else if let reason = stored.abortReason {
        await context.tasks.stop(task, reason: reason)
      } else {
        await context.tasks.fail(task, reason: workflow.failure)
      }
    }
    if let task = stored.abortTask { await context.tasks.succeed(task) }
    await context.events.record(
      .clone,
      Self.words(stored),
      succeeded: workflow.stage == .completed,
      user: stored.user,
      vpgs: [workflow.vpg]
    )
    do { try await context.store.removeWorkflow(workflow.identifier) } catch {
      throw SiteError(error)
    }
  }

  private static func words(_ stored: StoredClone) -> String {
    let names = stored.workflow.machines.map(\.name).joined(separator: ", ")
    guard stored.workflow.stage == .completed else {
      return stored.abortReason ?? "The clone was undone: \(stored.workflow.failure)"
    }
    return "The clone was made: \(names)."
  }

  /// Tries again what the store did not take: nobody else goes on with a clone that is under way.
  private func insistOnSaving(_ vpg: VPGIdentifier) async throws(SiteError) {
    while true {
      do throws(SiteError) { return try await save(vpg) } catch {
        if Task.isCancelled { throw error }
        await note(error.message, of: vpg)
      }
      do { try await Task.sleep(for: Self.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// Stores the workflow as it is; who changes it meanwhile does not have it stored as it was.
  private func save(_ vpg: VPGIdentifier) async throws(SiteError) {
    while let stored = active[vpg] {
      let record = try stored.record()
      do { try await context.store.save(record) } catch { throw SiteError(error) }
      if active[vpg] == stored { return }
    }
  }
}
