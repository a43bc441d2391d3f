// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import Identity
package import Logging
package import RecoveryModel
package import Scripts
internal import ServiceLifecycle
package import Store

/// One site: everything behind its API, and the loops that keep its VMs protected.
///
/// It is made of parts that own their state; the site itself only passes on, to a part or to the
/// site of a VPG that is responsible.
package final class Site: Service, Sendable {
  package let context: SiteContext
  let recovery: any RecoveryOperating
  let keeper: ProtectionKeeper
  let freezer: GuestFreezer
  let checkpointKeeper: CheckpointKeeper
  let pairing: Pairing
  let protectedHalf: ProtectedHalf
  let recoveryHalf: RecoveryHalf
  let restores: VMRestores
  let standing: SourceStanding
  let blueprints: BlueprintKeeper
  let exports: VPGExports
  let witnesses: VPGWitnesses
  let alertBook: AlertBook
  package let meter: ResourceMeter

  package var scriptFolders: ScriptFolders? { context.scripts?.folders }

  /// A site by its settings and the parts it works with.
  ///
  /// `authority` is the certificate, in PEM, that peers come to trust; `recovery` makes the part
  /// that carries out tests and failovers. Without `scripts` none are run, and without `secrets` no
  /// repositories are kept.
  package init(
    settings: SiteSettings,
    authority: String,
    hypervisor: any Hypervisor,
    store: any Store,
    connections: any SiteConnections,
    scripts: (any ScriptRunning)? = nil,
    secrets: SecretBox? = nil,
    logger: Logger,
    now: @escaping @Sendable () -> WallTime = { .now },
    recovery: (SiteContext) -> any RecoveryOperating = { RecoveryOperations(context: $0) }
  ) {
    context = SiteContext(
      settings: settings,
      authority: authority,
      hypervisor: hypervisor,
      store: store,
      connections: connections,
      scripts: scripts,
      secrets: secrets,
      logger: logger,
      now: now
    )
    self.recovery = recovery(context)
    keeper = ProtectionKeeper(context: context)
    freezer = GuestFreezer(context: context)
    checkpointKeeper = CheckpointKeeper(context: context, freezer: freezer)
    pairing = Pairing(context: context, authority: authority)
    protectedHalf = ProtectedHalf(context: context, keeper: keeper)
    recoveryHalf = RecoveryHalf(context: context, recovery: self.recovery)
    blueprints = BlueprintKeeper(context: context)
    restores = VMRestores(
      context: context,
      steps: VMRestoreSteps(context: context, keeper: keeper, checkpoints: checkpointKeeper)
    )
    standing = SourceStanding(
      context: context,
      keeper: keeper,
      checkpoints: checkpointKeeper,
      blueprints: blueprints,
      restores: restores
    )
    exports = VPGExports(context: context)
    alertBook = AlertBook(context: context)
    meter = ResourceMeter(context: context)
    witnesses = VPGWitnesses(
      context: context,
      keeper: keeper,
      recovery: self.recovery,
      meter: meter
    )
  }

  /// Reads what the store remembers.
  ///
  /// Called once, before the site is asked anything.
  package func load() async throws(SiteError) {
    await HypervisorAccountKeeper(context: context).load()
    try await context.vpgs.load()
    try await context.applianceBook.load()
    try await context.peers.load(own: LocalPeer(self))
    try await freezer.load()
    try await alertBook.load()
    await context.replication.refresh()
    try await context.tweaks.load()
    try await HostMemory(context: context).load()
    let workflows: [WorkflowRecord]
    do { workflows = try await context.store.workflows() } catch { throw SiteError(error) }
    try await context.tasks.takeOver { [context] task in
      let text = task.identifier.rawValue
      if workflows.contains(where: { $0.identifier == text || $0.state.contains(text) }) {
        return true
      }
      return await Self.isContinued(task, context)
    }
    // The protected site has these, and the recovery site all the others.
    let isOurs = { (record: WorkflowRecord) in record.kind == StoredVMRestore.words.kind }
    for record in workflows where isOurs(record) {
      await restores.load(try StoredVMRestore(record))
    }
    await recovery.load(workflows.filter { !isOurs($0) })
  }

  /// Protects, watches and works until the task is cancelled or the process is asked to stop.
  package func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        group.addTask { await self.freezer.run() }
        group.addTask { await self.context.scope.run() }
        group.addTask { await self.keeper.run() }
        group.addTask { await self.checkpointKeeper.run() }
        group.addTask { await self.blueprints.run() }
        group.addTask { await HostMemory(context: self.context).run() }
        group.addTask {
          await AlertWatch(
            context: self.context,
            alerts: self.alertBook,
            witnesses: self.witnesses,
            checkpoints: self.checkpointKeeper,
            recovery: self.recovery
          ).run()
        }
        group.addTask {
          await PowerWatch(context: self.context, finder: self.witnesses.splitBrains).run()
        }
        group.addTask { await BandwidthKeeper(context: self.context).run() }
        group.addTask {
          await RetentionSweep(
            context: self.context,
            recovery: self.recovery,
            gate: self.context.gate
          ).run()
        }
        group.addTask {
          await RetentionScheduler(context: self.context, recovery: self.recovery).run()
        }
        group.addTask { await self.restoring.run() }
        group.addTask { await self.meter.run() }
        group.addTask { await self.sampler.run() }
        group.addTask {
          await ApplianceWatch(context: self.context, keeper: self.keeper).run()
        }
        group.addTask {
          await PeerWatch(
            context: self.context,
            keeper: self.keeper,
            standing: self.standing
          ).run()
        }
        await self.recovery.resume()
        await self.restores.resume()
        await self.recoveryHalf.resume()
        await self.resumeVPGs()
        await self.resolution.resume()
      }
    }
  }

  var restoring: VMRestoring {
    VMRestoring(context: context, restores: restores, checkpoints: checkpointKeeper)
  }

  /// Takes samples of resources.
  package var sampler: ResourceSampler { ResourceSampler(context: context, witnesses: witnesses) }

  // MARK: After a restart

  /// Whether a VPG's creation, change, deletion or resolution goes on under this task.
  private static func isContinued(_ task: TaskRecord, _ context: SiteContext) async -> Bool {
    guard let vpg = task.vpgs.first, let record = await context.vpgs.record(vpg) else {
      return false
    }
    if SplitBrainResolution.isContinued(task, record) { return true }
    guard record.definition.protectedSite == context.site else { return false }
    switch (task.kind, record.phase) {
    case (.createVPG, .creating), (.removeVPG, .deleting): return true
    default: return record.changes.contains { $0.task == task.identifier }
    }
  }

  /// Goes on with what a manager that was stopped had begun.
  private func resumeVPGs() async {
    let open = await context.tasks.unfinished()
    for record in await context.vpgs.all()
    where record.definition.protectedSite == context.site {
      let vpg = record.definition.identifier
      let tasks = open.filter { $0.vpgs.contains(vpg) }
      for change in record.changes { await resume(change, record, tasks) }
      switch record.phase {
      case .creating: await resume(.createVPG, record, tasks.first { $0.kind == .createVPG })
      case .deleting: await resume(.removeVPG, record, tasks.first { $0.kind == .removeVPG })
      case .protecting, .handingOver, .failingOver, .recovered: break
      }
    }
  }

  /// Goes on with a change whose task has not ended.
  private func resume(
    _ change: VPGRecord.Change,
    _ record: VPGRecord,
    _ open: [TaskRecord]
  ) async {
    guard open.contains(where: { $0.identifier == change.task }) else {
      try? await protectedHalf.forget(change, record.definition.identifier)
      return
    }
    await context.tasks.carryOn(change.task) { [protectedHalf] _ throws(SiteError) in
      try await protectedHalf.resume(change, of: record.definition.identifier)
    }
  }

  private func resume(
    _ kind: TaskRecord.Kind,
    _ record: VPGRecord,
    _ open: TaskRecord?
  ) async {
    let vpg = record.definition.identifier
    // What is not known keeps the disks, which is safe.
    let deletion =
      record.deletion ?? VPGRecord.Deletion(keepsReplicas: true, phaseBefore: .protecting)
    let body: @Sendable (TaskIdentifier) async throws(SiteError) -> Void = {
      [protectedHalf] task throws(SiteError) in
      if kind == .createVPG {
        try await protectedHalf.setUp(vpg, task: task, user: "System")
      } else {
        try await protectedHalf.tearDown(
          vpg,
          phaseBefore: deletion.phaseBefore,
          keepsReplicas: deletion.keepsReplicas,
          force: false,
          user: "System",
          task: task
        )
      }
    }
    if let open {
      await context.tasks.carryOn(open.identifier, body: body)
      return
    }
    do throws(SiteError) {
      _ = try await context.tasks.run(kind, user: "System", vpgs: [vpg], body: body)
    } catch {
      context.logger.error("VPG not taken up again", metadata: ["reason": "\(error.message)"])
    }
  }
}
