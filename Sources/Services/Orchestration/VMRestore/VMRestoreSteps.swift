// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of the restore of a VM, at the site that protects it.
///
/// Every step finds its own work done when it is repeated.
struct VMRestoreSteps: DurableJobSteps {
  /// How long a guest may take to shut down.
  private static let shutdownInSeconds = 120
  /// How long a VM's stream may take to come to rest once the VM is off.
  private static let settlingLimit = Duration.seconds(60)
  private static let freeLimit = Duration.seconds(60)
  /// Longer than a commit takes; its end does not wait for that.
  private static let suspensionInMinutes: Int64 = 7 * 24 * 60

  let context: SiteContext
  let keeper: ProtectionKeeper
  let checkpoints: CheckpointKeeper

  func advance(
    _ job: StoredVMRestore,
    in jobs: VMRestores
  ) async throws(SiteError) -> DurableJobPace {
    guard let step = job.workflow.step else { return .atOnce }
    do throws(SiteError) {
      let settled = try await perform(step, of: job.workflow, jobs)
      await jobs.change(job.subject) { job in
        if let settled { job.workflow.settled(at: settled) }
        job.workflow.stepDone()
      }
      await jobs.note(nil, of: job.subject)
      return .atOnce
    } catch {
      if Task.isCancelled { throw error }
      let isRetried = await jobs.change(job.subject) { $0.workflow.stepFailed(error.message) }
      if await jobs.job(of: job.subject)?.isAborted == false {
        await jobs.note(error.message, of: job.subject)
      }
      return isRetried == true ? .afterPause : .atOnce
    }
  }

  /// Returns the checkpoint behind the VM's last write, from the step that makes it.
  private func perform(
    _ step: VMRestoreWorkflow.Step,
    of workflow: VMRestoreWorkflow,
    _ jobs: VMRestores
  ) async throws(SiteError) -> Checkpoint? {
    switch step {
    case .copy: try await copy(workflow, until: nil, jobs)
    case .shutDown: try await shutDown(workflow)
    case .settle: return try await settle(workflow)
    case .copyRest: try await copyRest(workflow, jobs)
    case .layOverlays:
      try await asking { hypervisor throws(HypervisorError) in
        try await hypervisor.layOverlays(workflow.overlays, on: workflow.vm)
      }
    case .start, .startAgain: try await start(workflow, step)
    case .commitOverlays: try await commit(workflow)
    case .takeOverlays: try await takeOverlays(workflow)
    case .deleteOverlays:
      let appliance = try await appliance(of: workflow)
      for disk in workflow.disks { try await appliance.deleteOverlay(at: disk.overlayPath) }
    }
    return nil
  }

  // MARK: Power

  private func shutDown(_ workflow: VMRestoreWorkflow) async throws(SiteError) {
    guard try await runs(workflow) else { return }
    guard workflow.wish.shutdownPolicy != .none else {
      throw .conflict("The VM \(workflow.name) runs, and is not to be shut down.")
    }
    // Whoever shuts a VM down has to be able to say when all of it is at the other site.
    _ = try await checkpoints.senders(try await record(workflow))
    await tell("is shut down, because it is restored", workflow)
    let isOff = try await asking { hypervisor throws(HypervisorError) in
      try await hypervisor.shutDown(
        workflow.vm,
        timeoutInSeconds: Self.shutdownInSeconds,
        force: workflow.wish.shutdownPolicy == .forceShutdown
      )
    }
    guard isOff else {
      throw .failed(
        "The VM \(workflow.name) did not shut down. Restore with ForceShutdown, or shut it down by "
          + "hand."
      )
    }
  }

  private func settle(_ workflow: VMRestoreWorkflow) async throws(SiteError) -> Checkpoint {
    let deadline = ContinuousClock.now + Self.settlingLimit
    while true {
      let record = try await record(workflow)
      let asked = ContinuousClock.now
      let found = try await machine(workflow)
      guard let found, found.power == .off else {
        throw .conflict("The VM \(workflow.name) was started while it was being restored.")
      }
      await context.powers.note(workflow.vm, found, asked: asked)
      do throws(SiteError) {
        let tag = "before the restore of \(workflow.name)"
        let checkpoint = try await checkpoints.mark(record, tag: tag)
        try await checkpoints.waitUntilDurable(checkpoint, of: record.definition)
        return checkpoint
      } catch {
        guard case .conflict = error, ContinuousClock.now < deadline else { throw error }
      }
      try await pause()
    }
  }

  private func start(
    _ workflow: VMRestoreWorkflow,
    _ step: VMRestoreWorkflow.Step
  ) async throws(SiteError) {
    let isBack = step == .startAgain
    if isBack {
      guard workflow.wasRunning, try await machine(workflow) != nil else { return }
    }
    switch try await record(workflow).phase {
    case .protecting: break
    case .recovered, .deleting:
      // The VM that counts is at the other site.
      if isBack { return }
      throw .conflict("The VPG was recovered at the other site.")
    case .creating, .handingOver, .failingOver:
      // Whether it is to run is known once that is committed or rolled back.
      throw .conflict("The VPG is being recovered at the other site.")
    }
    try await asking { hypervisor throws(HypervisorError) in
      try await hypervisor.start(workflow.vm)
    }
    await tell("was started", workflow)
    await requestSync(workflow)
  }

  /// What the VM wrote on its overlays is thrown away, so nobody waits for its guest.
  private func takeOverlays(_ workflow: VMRestoreWorkflow) async throws(SiteError) {
    guard let found = try await machine(workflow) else { return }
    if found.power != .off {
      guard found.isOn(workflow.overlays) else { return }
      try await asking { hypervisor throws(HypervisorError) in
        _ = try await hypervisor.shutDown(workflow.vm, timeoutInSeconds: 0, force: true)
      }
    }
    try await asking { hypervisor throws(HypervisorError) in
      try await hypervisor.takeOverlays(workflow.overlays, off: workflow.vm)
    }
  }

  // MARK: Commit

  /// Takes the overlays down into the disks, which our taps have to leave for that long.
  private func commit(_ workflow: VMRestoreWorkflow) async throws(SiteError) {
    let records = await context.vpgs.records(of: workflow.vm)
      .filter { $0.definition.protectedSite == context.site }
    let end = context.now().milliseconds + Self.suspensionInMinutes * 60_000
    let suspension = TapSuspension(
      vm: workflow.vm,
      volume: nil,
      until: WallTime(milliseconds: end),
      restore: workflow.identifier
    )
    for record in records {
      try await context.vpgs.update(record.definition.identifier) {
        // One is there already if a manager was killed in this.
        $0.suspensions.removeAll { $0.restore == suspension.restore }
        $0.suspensions.append(suspension)
      }
    }
    let result = await Result { () async throws(SiteError) in
      try await waitUntilFree(workflow, records)
      try await takeDown(workflow)
    }
    for record in records {
      try await context.vpgs.update(record.definition.identifier) {
        $0.suspensions.removeAll { $0.restore == suspension.restore }
      }
    }
    try result.get()
    await requestSync(workflow)
  }

  private func waitUntilFree(
    _ workflow: VMRestoreWorkflow,
    _ records: [VPGRecord]
  ) async throws(SiteError) {
    let deadline = ContinuousClock.now + Self.freeLimit
    while try await runs(workflow) {
      await keeper.nudge()
      var isFree = true
      for vm in records.flatMap(\.definition.vms) where vm.identifier == workflow.vm {
        isFree = await keeper.areFree(vm.volumes.map(\.identifier), of: vm.stream) && isFree
      }
      if isFree { return }
      guard ContinuousClock.now < deadline else {
        throw .unreachable("The hypervisor does not free the disks of the VM \(workflow.name).")
      }
      try await pause()
    }
  }

  private func takeDown(_ workflow: VMRestoreWorkflow) async throws(SiteError) {
    if try await runs(workflow) {
      return try await asking { hypervisor throws(HypervisorError) in
        try await hypervisor.commitOverlays(workflow.overlays, of: workflow.vm)
      }
    }
    let there = try await machine(workflow)?.disks.map(\.path)
    let appliance = try await appliance(of: workflow)
    for overlay in workflow.overlays where there?.contains(overlay.path) ?? true {
      try await appliance.commitOverlay(at: overlay.path)
    }
    guard there != nil else { return }
    // Refused if it was started in between, on the overlays: they are taken down once more then.
    try await asking { hypervisor throws(HypervisorError) in
      try await hypervisor.takeOverlays(workflow.overlays, off: workflow.vm)
    }
  }

  // MARK: Parts

  func record(_ workflow: VMRestoreWorkflow) async throws(SiteError) -> VPGRecord {
    guard let record = await context.vpgs.record(workflow.vpg) else {
      throw .notFound("The VPG is not there any more.")
    }
    return record
  }

  /// The VM; nil if somebody took it away.
  private func machine(_ workflow: VMRestoreWorkflow) async throws(SiteError) -> VirtualMachine? {
    try await asking { hypervisor throws(HypervisorError) in
      try await hypervisor.virtualMachine(workflow.vm)
    }
  }

  private func runs(_ workflow: VMRestoreWorkflow) async throws(SiteError) -> Bool {
    let found = try await machine(workflow)
    return found.map { $0.power != .off } ?? false
  }

  /// The appliance on the host the VM is on.
  func appliance(of workflow: VMRestoreWorkflow) async throws(SiteError) -> any ApplianceControl {
    try context.appliances.client(on: try await machine(workflow)?.host ?? workflow.host)
  }

  private func asking<Answer: Sendable>(
    _ body: (any Hypervisor) async throws(HypervisorError) -> Answer
  ) async throws(SiteError) -> Answer {
    do { return try await body(context.hypervisor) } catch { throw SiteError(error) }
  }

  private func pause() async throws(SiteError) {
    do { try await Task.sleep(for: .milliseconds(200)) } catch {
      throw .failed("The manager is stopping.")
    }
  }

  /// Nothing that is known of the disks' changes tells of other content below the guest.
  private func requestSync(_ workflow: VMRestoreWorkflow) async {
    let vms = await context.vpgs.records(of: workflow.vm).flatMap(\.definition.vms)
    await keeper.requestSync(of: vms.filter { $0.identifier == workflow.vm }.map(\.stream))
    await keeper.nudge()
  }

  /// Says it in the VPGs that have the VM.
  private func tell(_ what: String, _ workflow: VMRestoreWorkflow) async {
    await context.events.record(
      .restore,
      "The VM \(workflow.name) \(what).",
      vpgs: await context.vpgs.records(of: workflow.vm).map(\.definition.identifier)
    )
  }
}

extension VMRestoreWorkflow {
  var overlays: [DiskOverlay] {
    disks.map { DiskOverlay(target: $0.target, path: $0.overlayPath, basePath: $0.basePath) }
  }
}

extension VirtualMachine {
  /// Whether a disk of it is one of these.
  fileprivate func isOn(_ overlays: [DiskOverlay]) -> Bool {
    disks.contains { disk in overlays.contains { $0.path == disk.path } }
  }
}

extension Result {
  fileprivate init(_ body: () async throws(Failure) -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
