// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// A clone that this site makes as the recovery site, beside a failover test if there is one.
struct StoredClone: DurableJob {
  static let words = DurableJobWords(
    kind: "clone",
    name: "clone",
    task: .clone,
    abortTask: .abortClone,
    event: .clone
  )

  var workflow: CloneWorkflow
  var course: DurableJobCourse

  init(workflow: CloneWorkflow, user: String) {
    self.workflow = workflow
    course = DurableJobCourse(user: user)
  }

  var identifier: String { workflow.identifier }
  var vpg: VPGIdentifier { workflow.vpg }
  var subject: VPGIdentifier { workflow.vpg }
  var isOver: Bool { workflow.stage.isFinal }
  var isAborted: Bool { workflow.isAborted }
  var progress: Int { workflow.progress() }
  var failure: String { workflow.failure }

  var summary: String {
    guard workflow.stage == .completed else {
      return course.abortReason ?? "The clone was undone: \(workflow.failure)"
    }
    return "The clone was made: \(workflow.machines.map(\.name).joined(separator: ", "))."
  }

  mutating func abort() -> Bool { workflow.abort() }
}

/// The clones this site makes.
typealias Clones = DurableJobs<StoredClone>

extension Clones {
  func refuseIfActive(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard !isActive(vpg) else { throw .conflict(Self.isBusy(name)) }
  }

  func begin(
    _ workflow: CloneWorkflow,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await begin(StoredClone(workflow: workflow, user: user), refusal: Self.isBusy(name))
  }

  func abort(
    _ vpg: VPGIdentifier,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await abort(
      vpg,
      because: "The clone was aborted by \(user).",
      user: user,
      refusal: "The VPG \(name) has no clone under way that could be aborted."
    )
  }

  private static func isBusy(_ name: String) -> String {
    "A clone of the VPG \(name) is being made; wait for its end or abort it first."
  }
}

extension CloneSteps: DurableJobSteps {
  func advance(_ job: StoredClone, in clones: Clones) async throws(SiteError) -> DurableJobPace {
    guard case .perform(let step) = job.workflow.nextAction else { return .atOnce }
    let vpg = job.vpg
    var action: CloneWorkflow.Action?
    do throws(SiteError) {
      let outcome = try await perform(step, of: job.workflow) { copied in
        let progress = await clones.job(of: vpg)?.workflow.progress(copied: copied) ?? 0
        return await clones.goesOn(vpg, progress: progress)
      }
      action = await clones.change(vpg) { job in
        if case .measured(let machine, let byteCounts) = outcome {
          job.workflow.measured(machine, byteCounts)
        }
        return job.workflow.stepDone()
      }
      await clones.note(nil, of: vpg)
    } catch {
      if Task.isCancelled { throw error }
      action = await clones.change(vpg) { $0.workflow.stepFailed(Self.failure(error)) }
      if await clones.job(of: vpg)?.isAborted == false {
        await clones.note(error.message, of: vpg)
      }
    }
    if case .retry = action { return .afterPause }
    return .atOnce
  }

  private static func failure(_ error: SiteError) -> CloneWorkflow.Failure {
    if case .unreachable(let reason) = error { return .away(reason) }
    return .refused(error.message)
  }
}
