// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// What the protected site does when the recovery site fails a VPG over.
struct SourceStanding: Sendable {
  let context: SiteContext
  let keeper: ProtectionKeeper

  func carryOut(
    _ request: SourceRequest,
    of vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> SourceReply {
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    guard record.definition.protectedSite == context.site,
      record.definition.recoverySite == caller
    else { throw .invalid("The VPG \(record.definition.name) is not recovered by this caller.") }
    switch request.wish {
    case .standDown: try await standDown(record, request)
    case .standUp: try await standUp(vpg)
    case .retire: try await retire(vpg)
    }
    return SourceReply(running: try await running(record.definition))
  }

  /// Stops protecting, and shuts the VMs down as the policy says.
  ///
  /// What was running is remembered before it is shut down, so that a rollback starts it again
  /// whatever happens meanwhile.
  private func standDown(_ record: VPGRecord, _ request: SourceRequest) async throws(SiteError) {
    let definition = record.definition
    guard record.phase == .protecting || record.phase == .failingOver else {
      throw .conflict("The VPG \(definition.name) cannot be failed over: it is \(record.phase).")
    }
    let running = try await running(definition)
    let isShutDown = request.shutdownPolicy != .none
    try await context.vpgs.update(definition.identifier) {
      $0.phase = .failingOver
      if isShutDown { $0.shutDown = Set($0.shutDown).union(running).sorted() }
    }
    await keeper.nudge()
    guard isShutDown else { return }
    let force = request.shutdownPolicy == .forceShutdown
    await withDiscardingTaskGroup { group in
      for vm in running {
        group.addTask { [context] in
          do {
            _ = try await context.hypervisor.shutDown(
              vm,
              timeoutInSeconds: request.timeoutInSeconds,
              force: force
            )
          } catch {
            // The reply lists the VM as running, which is what the caller goes by.
            context.logger.warning(
              "VM not shut down",
              metadata: ["vm": "\(vm)", "error": "\(error)"]
            )
          }
        }
      }
    }
  }

  /// The failover was rolled back: VMs it shut down are started and protection goes on.
  func standUp(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg), record.phase == .failingOver else { return }
    do {
      for vm in record.shutDown { try await context.hypervisor.start(vm) }
    } catch { throw SiteError(error) }
    try await context.vpgs.update(vpg) {
      $0.phase = .protecting
      $0.shutDown = []
    }
    await keeper.nudge()
    await context.events.record(
      .failoverRollback,
      "The VPG \(record.definition.name) is protected again.",
      vpgs: [vpg]
    )
  }

  /// The failover was committed: this site's VMs are no longer the ones that count.
  func retire(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg), record.phase != .recovered,
      record.phase != .deleting
    else { return }
    try await context.vpgs.update(vpg) {
      $0.phase = .recovered
      $0.shutDown = []
    }
    await keeper.nudge()
    await context.events.record(
      .failoverCommit,
      "The VPG \(record.definition.name) was recovered at the other site.",
      vpgs: [vpg]
    )
  }

  /// The recovery site began a failover while this one was away: nothing is sent to it any more,
  /// and nothing is shut down unasked.
  func yieldToFailover(_ vpg: VPGIdentifier) async throws(SiteError) {
    try await context.vpgs.update(vpg) { if $0.phase == .protecting { $0.phase = .failingOver } }
    await keeper.nudge()
  }

  private func running(_ definition: VPGDefinition) async throws(SiteError) -> [VMIdentifier] {
    var running: [VMIdentifier] = []
    do {
      for vm in definition.vms {
        let found = try await context.hypervisor.virtualMachine(vm.identifier)
        if let found, found.power != .off { running.append(vm.identifier) }
      }
    } catch { throw SiteError(error) }
    return running
  }
}
