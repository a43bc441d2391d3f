// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Carries out one step of a copy to a repository.
///
/// Every step finds its own work done when it is repeated.
struct RetentionSteps: DurableJobSteps {
  /// Pause between two questions of how far a copy is.
  static let pollPause = Duration.milliseconds(250)

  let context: SiteContext
  let gate: RepositoryGate
  private var book: RepositoryBook { RepositoryBook(context: context) }

  func advance(
    _ job: StoredRetention,
    in jobs: Retentions
  ) async throws(SiteError) -> DurableJobPace {
    guard let step = job.workflow.step else { return .atOnce }
    let vpg = job.vpg
    do throws(SiteError) {
      let kept = try await perform(step, of: job, jobs)
      await jobs.change(vpg) { job in
        if case .archive(let machine, let disk) = step, let kept {
          job.workflow.keep(kept, machine, disk)
        }
        job.workflow.stepDone()
      }
      await jobs.note(nil, of: vpg)
      return .atOnce
    } catch {
      if Task.isCancelled { throw error }
      let isRetried = await jobs.change(vpg) { $0.workflow.run.stepFailed(.init(error)) }
      if await jobs.job(of: vpg)?.isAborted == false { await jobs.note(error.message, of: vpg) }
      return isRetried == true ? .afterPause : .atOnce
    }
  }

  /// What the repository answered, of a step that copies.
  private func perform(
    _ step: RetentionWorkflow.Step,
    of job: StoredRetention,
    _ jobs: Retentions
  ) async throws(SiteError) -> RetentionWorkflow.Kept? {
    let workflow = job.workflow
    let isUndoing = workflow.run.stage == .undoing
    switch step {
    case .openExport(let index): try await openExport(workflow, index)
    case .archive(let index, let disk): return try await archive(job, index, disk, jobs)
    case .endArchive(let index, let disk):
      let machine = workflow.machines[index]
      try await appliance(of: machine, workflow, isUndoing: isUndoing)?
        .deleteArchive(machine.disks[disk].copy)
    case .closeExport(let index):
      let machine = workflow.machines[index]
      try await appliance(of: machine, workflow, isUndoing: isUndoing)?
        .closeExport(machine.export)
    case .keepSet:
      let set = try await set(of: job, isDoomed: false)
      try await book.save(set)
      try await context.vpgs.update(job.vpg) { $0.retention?.kept(set.identifier, at: set.made) }
      if let machine = workflow.machines.first {
        await book.measure(workflow.repository, by: try await appliance(of: machine, workflow))
      }
    case .runScript: try await runScript(of: job, jobs)
    case .doomSet: try await book.save(try await set(of: job, isDoomed: true))
    }
    return nil
  }

  func definition(_ workflow: RetentionWorkflow) async throws(SiteError) -> VPGDefinition {
    guard let record = await context.vpgs.record(workflow.vpg) else {
      throw .notFound("The VPG \(workflow.vpg) is gone.")
    }
    return record.definition
  }

  private func appliance(
    of machine: RetentionWorkflow.Machine,
    _ workflow: RetentionWorkflow
  ) async throws(SiteError) -> any ApplianceControl {
    if let host = machine.host { return try context.appliances.client(on: host) }
    let definition = try await definition(workflow)
    return try RecoverySite(context: context, definition: definition)
      .appliance(of: try Self.vm(machine, definition))
  }

  /// Nil where nobody knows any more: the VPG is gone, and with it its journals and all that reads
  /// them.
  private func appliance(
    of machine: RetentionWorkflow.Machine,
    _ workflow: RetentionWorkflow,
    isUndoing: Bool
  ) async throws(SiteError) -> (any ApplianceControl)? {
    if isUndoing, machine.host == nil, await context.vpgs.record(workflow.vpg) == nil {
      return nil
    }
    return try await appliance(of: machine, workflow)
  }

  private static func vm(
    _ machine: RetentionWorkflow.Machine,
    _ definition: VPGDefinition
  ) throws(SiteError) -> VPGDefinition.ProtectedVM {
    guard let vm = definition.vms.first(where: { $0.stream == machine.stream }) else {
      throw .notFound("A VM that is being copied is no longer in the VPG \(definition.name).")
    }
    return vm
  }

  // MARK: Disks

  private func openExport(_ workflow: RetentionWorkflow, _ index: Int) async throws(SiteError) {
    let machine = workflow.machines[index]
    let point = try await appliance(of: machine, workflow).openExport(
      machine.export,
      ExportRequest(
        stream: machine.stream,
        point: .checkpoint(workflow.checkpoint.identifier),
        overlayFolder: nil
      )
    )
    guard Set(point.volumes.map(\.identifier)) == Set(machine.disks.map(\.volume)) else {
      throw .conflict("At this checkpoint a VM had other disks than now; copy a later one.")
    }
  }

  private func archive(
    _ job: StoredRetention,
    _ index: Int,
    _ number: Int,
    _ jobs: Retentions
  ) async throws(SiteError) -> RetentionWorkflow.Kept {
    let workflow = job.workflow
    let machine = workflow.machines[index]
    let disk = machine.disks[number]
    let definition = try await definition(workflow)
    let vm = try Self.vm(machine, definition)
    let request = ArchiveRequest(
      repository: try await book.opened(workflow.repository),
      export: machine.export,
      volume: disk.volume,
      name: "\(disk.target).raw",
      host: Self.plain(vm.name),
      tags: ["set:\(workflow.identifier)", "vpg:\(workflow.vpg)"],
      time: workflow.checkpoint.time
    )
    let appliance = try await appliance(of: machine, workflow)
    while await gate.isShut(workflow.repository) { try await jobs.pause(Self.pollPause) }
    while true {
      // Asked again, a copy that an appliance forgot when it was killed begins anew.
      let reply = try await appliance.archive(disk.copy, request)
      if let snapshot = reply.snapshot {
        return .init(snapshot: snapshot, addedByteCount: reply.addedByteCount)
      }
      guard reply.failure.isEmpty else {
        throw .failed("The disk \(disk.target) of \(vm.name): \(reply.failure)")
      }
      let progress =
        await jobs.job(of: job.vpg)?.workflow.progress(copied: reply.doneByteCount) ?? 0
      guard await jobs.goesOn(job.vpg, progress: progress) else {
        throw .conflict("The copy was aborted.")
      }
      try await jobs.pause(Self.pollPause)
    }
  }

  /// A VM's name as restic takes it for a host's.
  private static func plain(_ name: String) -> String {
    let plain = name.unicodeScalars.map { scalar in
      scalar.value > 32 && !",/\u{7f}".unicodeScalars.contains(scalar) ? String(scalar) : "_"
    }
    return String(plain.joined().prefix(50))
  }

  // MARK: The set

  /// Without what it is of, a set that is to be deleted has no VMs.
  private func set(
    of job: StoredRetention,
    isDoomed: Bool
  ) async throws(SiteError) -> RetentionSet {
    let workflow = job.workflow
    let definition = isDoomed ? nil : try await definition(workflow)
    var machines: [RetentionSet.Machine] = []
    for machine in workflow.machines {
      guard let definition else { break }
      machines.append(try await Self.machine(machine, definition, context))
    }
    return RetentionSet(
      identifier: workflow.identifier,
      vpg: workflow.vpg,
      vpgName: job.vpgName,
      zorg: definition?.policy.zorg,
      repository: workflow.repository,
      checkpoint: workflow.checkpoint,
      made: context.now(),
      expires: workflow.expires,
      isDoomed: isDoomed,
      machines: machines
    )
  }

  private static func machine(
    _ machine: RetentionWorkflow.Machine,
    _ definition: VPGDefinition,
    _ context: SiteContext
  ) async throws(SiteError) -> RetentionSet.Machine {
    let vm = try vm(machine, definition)
    var disks: [RetentionSet.Disk] = []
    for disk in machine.disks {
      guard let kept = disk.kept,
        let volume = vm.volumes.first(where: { $0.identifier == disk.volume })
      else { throw .failed("The disk \(disk.target) of \(vm.name) is not in the repository.") }
      disks.append(
        RetentionSet.Disk(
          volume: disk.volume,
          target: disk.target,
          byteCount: disk.byteCount,
          datastore: definition.recoveryDatastore(of: volume, in: vm),
          snapshot: kept.snapshot,
          addedByteCount: kept.addedByteCount
        )
      )
    }
    return RetentionSet.Machine(
      vm: vm.identifier,
      name: vm.name,
      hardware: vm.hardware,
      blueprint: try await context.blueprint(of: vm),
      host: try RecoverySite(context: context, definition: definition).host(of: vm),
      networks: vm.nics.map { $0.failover.network ?? definition.networks.failover },
      disks: disks
    )
  }
}
