// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// What the protected site does when the recovery site fails a VPG over, or moves it.
struct SourceStanding: Sendable {
  let context: SiteContext
  let keeper: ProtectionKeeper
  let checkpoints: CheckpointKeeper
  let blueprints: BlueprintKeeper
  let restores: VMRestores

  func carryOut(
    _ request: SourceRequest,
    of vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> SourceReply {
    let known = try await record(vpg)
    guard known.definition.protectedSite == context.site, known.definition.recoverySite == caller
    else { throw .invalid("The VPG \(known.definition.name) is not recovered by this caller.") }
    do throws(SiteError) { try await parted.follow(request.definitions, of: known) } catch {
      // Bringing back what was shut down takes nothing from the VMs that left.
      guard request.wish == .standUp else { throw error }
    }
    let record = try await record(vpg)
    // What takes a VM's disks, or leaves them, does so of its own ones.
    if [.handOver, .standDown, .describe].contains(request.wish) {
      try await restores.refuseIfUnderWay(record.definition)
    }
    // A restore that is being undone waits for this, to know whether its VM is to run.
    if request.wish == .retire, await !restores.isBeingUndone(in: vpg) {
      try await restores.refuseIfUnderWay(record.definition)
    }
    var checkpoint: Checkpoint?
    var reversal: Reversal?
    switch request.wish {
    case .handOver: try await handOver(record, request)
    case .settle: checkpoint = try await settle(record, request)
    case .describe: reversal = try await wayBack(record.definition)
    case .standDown: try await standDown(record, request)
    case .standUp: try await standUp(vpg)
    case .retire: try await retire(vpg, removesVMs: request.removesVMs ?? false)
    case .shutDown: try await yield(record, request)
    case .takeBack: try await takeBack(record)
    }
    return SourceReply(
      running: try await running(record.definition),
      checkpoint: checkpoint,
      reversal: reversal
    )
  }

  /// VPGs that the recovery site has made of one.
  var parted: PartedVPGs { PartedVPGs(context: context, keeper: keeper, restores: restores) }

  private func record(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGRecord {
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    return record
  }

  /// Shuts the VMs down as the policy says; what they wrote last goes on being sent.
  private func handOver(_ record: VPGRecord, _ request: SourceRequest) async throws(SiteError) {
    let definition = record.definition
    guard record.phase == .protecting || record.phase == .handingOver, !record.isPaused else {
      let state = record.isPaused ? "paused" : "\(record.phase)"
      throw .conflict("The VPG \(definition.name) cannot be moved: it is \(state).")
    }
    let running = try await running(definition)
    try await context.vpgs.update(definition.identifier) {
      $0.phase = .handingOver
      $0.shutDown = Set($0.shutDown).union(running).sorted()
    }
    await tellOthers(of: running, "is shut down, because it is moved", definition)
    await shutDown(running, request)
  }

  /// Makes a checkpoint behind the last write of VMs that are off, and waits until every journal
  /// has it.
  ///
  /// Their streams come to rest once their taps are closed and all is sent.
  private func settle(
    _ record: VPGRecord,
    _ request: SourceRequest
  ) async throws(SiteError) -> Checkpoint {
    let definition = record.definition
    guard record.phase == .handingOver else {
      throw .conflict("The VPG \(definition.name) is not being moved: it is \(record.phase).")
    }
    let deadline = ContinuousClock.now + .seconds(request.timeoutInSeconds)
    while true {
      let running = try await running(definition)
      guard running.isEmpty else {
        throw .conflict("A VM of the VPG \(definition.name) was started while it was being moved.")
      }
      do throws(SiteError) {
        // What the firmware and the TPM stored last goes along.
        try await blueprints.send(definition)
        let checkpoint = try await checkpoints.mark(record, tag: "")
        try await checkpoints.waitUntilDurable(checkpoint, of: definition)
        return checkpoint
      } catch {
        guard case .conflict = error, ContinuousClock.now < deadline else { throw error }
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// Where the way back would lead: to where the VMs are, onto their own disks.
  private func wayBack(_ definition: VPGDefinition) async throws(SiteError) -> Reversal {
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    var vms: [Reversal.VM] = []
    for vm in definition.vms {
      guard
        let found = inventory.virtualMachines.first(where: { $0.identifier == vm.identifier })
      else { throw .conflict("The VM \(vm.name) is not there any more, so there is no way back.") }
      var disks: [Reversal.Disk] = []
      for disk in found.disks {
        guard let datastore = disk.datastore else {
          throw .conflict(
            "The disk \(disk.target) of the VM \(vm.name) is on no datastore, so it cannot become "
              + "a replica."
          )
        }
        disks.append(
          Reversal.Disk(
            target: disk.target,
            byteCount: disk.byteCount,
            datastore: datastore,
            path: disk.path
          )
        )
      }
      vms.append(
        Reversal.VM(
          identifier: vm.identifier,
          host: found.host,
          resourcePool: found.resourcePool,
          networks: found.nics.map(\.network),
          disks: disks
        )
      )
    }
    return Reversal(folder: inventory.folders.first?.identifier, vms: vms)
  }

  /// Stops protecting, and shuts the VMs down as the policy says.
  ///
  /// What was running is remembered before it is shut down, so that a rollback starts it again
  /// whatever happens meanwhile.
  private func standDown(_ record: VPGRecord, _ request: SourceRequest) async throws(SiteError) {
    let definition = record.definition
    guard record.phase == .protecting || record.phase.isLeaving else {
      throw .conflict("The VPG \(definition.name) cannot be failed over: it is \(record.phase).")
    }
    let running = try await running(definition)
    let isShutDown = request.shutdownPolicy != .none
    try await context.vpgs.update(definition.identifier) {
      $0.phase = .failingOver
      if isShutDown { $0.shutDown = Set($0.shutDown).union(running).sorted() }
    }
    await keeper.nudge()
    if isShutDown {
      await tellOthers(of: running, "is shut down, because it is failed over", definition)
      await shutDown(running, request)
      await sendLast(definition)
    }
  }

  /// What the firmware and the TPM stored last goes along; a failover does not wait for it.
  private func sendLast(_ definition: VPGDefinition) async {
    do throws(SiteError) { try await blueprints.send(definition) } catch {
      context.logger.warning(
        "VMs fail over with what their firmware had stored before",
        metadata: ["vpg": "\(definition.name)", "reason": "\(error.message)"]
      )
    }
  }

  /// Says in the other VPGs of VMs what a recovery of this one does to them.
  private func tellOthers(
    of vms: [VMIdentifier],
    _ what: String,
    _ definition: VPGDefinition
  ) async {
    for vm in definition.vms where vms.contains(vm.identifier) {
      let others = await context.vpgs.records(of: vm.identifier).filter {
        $0.definition.identifier != definition.identifier
          && $0.definition.protectedSite == context.site
      }
      guard !others.isEmpty else { continue }
      await context.events.record(
        .updateVPG,
        "The VM \(vm.name) \(what) in the VPG \(definition.name).",
        vpgs: others.map(\.definition.identifier)
      )
    }
  }

  /// Shuts the VMs down because those at the other site are the ones that count.
  ///
  /// As long as that may be rolled back, it is remembered which were running.
  private func yield(_ record: VPGRecord, _ request: SourceRequest) async throws(SiteError) {
    let definition = record.definition
    guard record.phase == .recovered || record.phase == .failingOver else {
      throw .conflict("The VPG \(definition.name) is not recovered: it is \(record.phase).")
    }
    let running = try await running(definition)
    if record.phase == .failingOver {
      try await context.vpgs.update(definition.identifier) {
        $0.shutDown = Set($0.shutDown).union(running).sorted()
      }
    }
    await shutDown(running, request)
  }

  /// Protects VMs again that were recovered for good at the other site, which has given those up.
  private func takeBack(_ record: VPGRecord) async throws(SiteError) {
    guard record.phase == .recovered else { return }
    let definition = try await context.vpgs.update(record.definition.identifier) {
      $0.definition.begin(anew: 0)
      $0.phase = .protecting
    }.definition
    await keeper.nudge()
    await context.events.record(
      .updateVPG,
      "The VPG \(definition.name) is protected from here again.",
      vpgs: [definition.identifier]
    )
  }

  private func shutDown(_ running: [VMIdentifier], _ request: SourceRequest) async {
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

  /// The failover or move was rolled back: VMs it shut down are started and protection goes on.
  func standUp(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg), record.phase.isLeaving else { return }
    do {
      for vm in record.shutDown { try await context.hypervisor.start(vm) }
    } catch { throw SiteError(error) }
    // What the other site said before would take the VPG out of protection once more.
    await context.peers.forget(vpg, at: record.definition.recoverySite)
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

  /// The failover or move was committed: this site's VMs are no longer the ones that count.
  func retire(_ vpg: VPGIdentifier, removesVMs: Bool = false) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg), record.phase != .recovered,
      record.phase != .deleting
    else { return }
    if removesVMs {
      do {
        for vm in record.definition.vms { try await context.hypervisor.remove(vm.identifier) }
      } catch { throw SiteError(error) }
      await tellOthers(
        of: record.definition.vms.map(\.identifier),
        "was removed from this site, because it was recovered",
        record.definition
      )
    }
    try await context.vpgs.update(vpg) {
      $0.phase = .recovered
      $0.shutDown = []
    }
    await keeper.nudge()
    await context.events.record(
      .failoverCommit,
      "The VPG \(record.definition.name) was recovered"
        + (record.definition.isWithinOneSite ? " at this site." : " at the other site."),
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
        let asked = ContinuousClock.now
        let found = try await context.hypervisor.virtualMachine(vm.identifier)
        if let found, found.power != .off { running.append(vm.identifier) }
        // The other site goes on by the reply, and is not to hear otherwise once a second.
        await context.powers.note(vm.identifier, found, asked: asked)
      }
    } catch { throw SiteError(error) }
    return running
  }
}
