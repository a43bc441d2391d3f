// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
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
  let steps: RecoverySteps
  let clones: Clones
  let searches: PointSearches
  let retentions: Retentions
  let restores: Restores
  let relocations: Relocations
  /// Changed here and by what drives them, ``drive(_:task:)``.
  var active: [VPGIdentifier: StoredRecovery] = [:]
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
      let plan = try await plan(for: record, vms: wish.vms)
      return try await start(try plan.test(wish), as: .failoverTest, user: user)
    case .failover(let wish):
      let plan = try await plan(for: record, vms: wish.vms)
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

  /// Refuses a commit for which there is no way back, if there is to be one.
  func refuseIrreversible(_ record: VPGRecord) async throws(SiteError) {
    guard let kind = active[record.definition.identifier]?.workflow.kind else { return }
    let request: RecoveryWorkflow.Request =
      if case .move = kind { .commitMove(keepsSourceVMs: nil, nil) } else { .commit(nil) }
    _ = try await reversal(nil, of: record, request)
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

  private func plan(
    for record: VPGRecord,
    vms: [VMIdentifier] = []
  ) async throws(SiteError) -> RecoveryPlan {
    try refuseIfBusy(record.definition)
    var plan = try await plan(of: record, vms: vms)
    do {
      plan.takenNames = Set(try await context.hypervisor.inventory().virtualMachines.map(\.name))
    } catch { throw SiteError(error) }
    return plan
  }

  /// A plan with the points that `vms` have, or without a wish all VMs.
  func plan(
    of record: VPGRecord,
    vms: [VMIdentifier] = []
  ) async throws(SiteError) -> RecoveryPlan {
    let definition = record.definition
    guard record.phase == .protecting else {
      throw .conflict("The VPG \(definition.name) cannot be recovered now: it is \(record.phase).")
    }
    return RecoveryPlan(
      definition: definition,
      checkpoints: try await RecoverySite(context: context, definition: definition)
        .checkpoints(of: vms)
    )
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
}
