// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// Has the VPGs of a relocation changed, one after the other, by the sites that protect them.
struct RelocationSteps: DurableJobSteps {
  let context: SiteContext
  /// This process of the manager.
  private let manager = newGUID()

  init(context: SiteContext) { self.context = context }

  func advance(
    _ job: StoredRelocation,
    in jobs: Relocations
  ) async throws(SiteError) -> DurableJobPace {
    guard let part = job.workflow.current else { return .atOnce }
    let subject = job.subject
    let finding: RelocationWorkflow.Finding
    do throws(SiteError) { finding = try await look(part) } catch {
      await jobs.note(error.message, of: subject)
      return .afterPause
    }
    let action = await jobs.change(subject) { $0.workflow.found(finding) } ?? .wait
    switch action {
    case .goOn: return .atOnce
    case .wait: return .afterPause
    case .ask:
      do throws(SiteError) {
        let task = try await ask(part, user: job.course.user)
        await jobs.change(subject) { [manager] in $0.workflow.asked(task, by: manager) }
      } catch {
        let (reason, mayPass) = (error.message, error.mayPass)
        await jobs.change(subject) { $0.workflow.refused(reason, mayPass: mayPass) }
      }
      return .afterPause
    }
  }

  private func look(
    _ part: RelocationWorkflow.Part
  ) async throws(SiteError) -> RelocationWorkflow.Finding {
    guard let definition = await context.vpgs.record(part.vpg)?.definition else { return .moved }
    if isMoved(part, definition) { return .moved }
    guard let task = part.task else { return .waiting }
    let found: TaskRecord
    do throws(SiteError) {
      found = try await context.peers.client(for: definition.protectedSite).task(task)
    } catch {
      if case .notFound = error { return .failed("nobody knows what became of its change") }
      throw error
    }
    guard found.state.isFinal else { return .working }
    // It may have ended since the definition was read.
    guard let now = await context.vpgs.record(part.vpg)?.definition, !isMoved(part, now) else {
      return .moved
    }
    let reason = found.completeReason.isEmpty ? "its change was lost" : found.completeReason
    return part.asker == manager ? .failed(reason) : .interrupted(reason)
  }

  private func isMoved(_ part: RelocationWorkflow.Part, _ definition: VPGDefinition) -> Bool {
    definition.vms.allSatisfy { vm in
      part.machines[vm.identifier].map { $0 == definition.recoveryHost(of: vm) } ?? true
    }
  }

  private func ask(
    _ part: RelocationWorkflow.Part,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    guard let record = await context.vpgs.record(part.vpg) else {
      throw .notFound("the VPG is gone")
    }
    let plan = try await RelocationPlan(context)
    for (vm, host) in part.machines {
      if let obstacle = plan.obstacle(of: vm, in: record, to: host) { throw .conflict(obstacle) }
    }
    let wish = plan.relocating(part.machines, in: record.definition)
    return try await context.peers.client(for: record.definition.protectedSite)
      .perform(OperationRequest(operation: .update(wish), userName: user), on: part.vpg)
  }
}

extension SiteError {
  /// Whether asking again may help.
  fileprivate var mayPass: Bool {
    switch self {
    case .conflict, .unreachable: true
    case .notFound, .invalid, .rejected, .failed: false
    }
  }
}
