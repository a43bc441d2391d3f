// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Logging
internal import RecoveryModel
internal import Store

// A point whose files are looked at: sessions as those of a file restore, which start nothing.

extension PointLook {
  /// A look at the VMs that conditions are about.
  init(checkpoint: Checkpoint, at files: [PointCheck.FileCondition]) {
    var machines: [Machine] = []
    for file in files where !machines.contains(where: { $0.vm == file.vm }) {
      machines.append(Machine(vm: file.vm, session: ExportIdentifier(fileSession: newGUID())))
    }
    self.init(checkpoint: checkpoint, machines: machines)
  }
}

extension PointSearchSteps {
  /// Opens the sessions of a look, and waits until their files can be read.
  func open(
    _ job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    guard let look = job.workflow.look else { return .atOnce }
    do throws(SiteError) {
      let files = try await pointFiles(of: job, look)
      try await files.open()
      while try await !files.areOpen() {
        guard await searches.job(of: job.vpg)?.isAborted == false else { break }
        try await searches.pause(Self.lookPause)
      }
      await searches.change(job.vpg) { $0.workflow.opened() }
    } catch {
      if Task.isCancelled { throw error }
      await searches.change(job.vpg) { $0.workflow.cannotOpen(error.message) }
    }
    return .atOnce
  }

  /// Closes them; tried until it is done.
  func close(
    _ job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    guard let look = job.workflow.look else { return .atOnce }
    do throws(SiteError) {
      // Of a VPG that is gone, so are the journals and their sessions.
      if await context.vpgs.record(job.vpg) != nil {
        try await pointFiles(of: job, look).close()
      }
    } catch {
      if Task.isCancelled { throw error }
      context.logger.warning(
        "a look at a point cannot be ended yet",
        metadata: ["vpg": "\(job.vpg)", "reason": "\(error.message)"]
      )
      return .afterPause
    }
    let now = context.now()
    let isInVain = await searches.change(job.vpg) { job in
      let before = job.workflow.triesInVain
      job.workflow.closed(at: now)
      return job.workflow.triesInVain > before
    }
    return isInVain == true ? .afterPause : .atOnce
  }

  /// Checks the files of a look, and runs the script with them if there is one.
  func checkFiles(
    _ job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    guard let look = job.workflow.look else { return .atOnce }
    let limit = Duration.seconds(job.workflow.check.timeoutInSeconds)
    let deadline = ContinuousClock.now + limit
    let outcome = await withTaskGroup(of: PointScriptOutcome?.self) { group in
      group.addTask {
        do throws(SiteError) {
          let finding = try await pointFiles(of: job, look).check()
          return await conclude(finding, until: deadline, of: job, searches)
        } catch { return PointScriptOutcome.none(error.message) }
      }
      group.addTask {
        // A script that runs then is ended by its own limit, which is the same, with a verdict.
        try? await Task.sleep(for: limit + .seconds(30))
        return PointScriptOutcome.none("the point's time was up before its files were looked at")
      }
      group.addTask {
        _ = await waitForAbort(of: job, searches)
        return PointScriptOutcome.none("the search was aborted")
      }
      defer { group.cancelAll() }
      return await group.next().flatMap(\.self)
    }
    return try await note(outcome ?? .none("nothing was found out"), of: job, searches)
  }

  /// What a script is told of: the VMs of a probe, or those whose files are looked at.
  func subject(of job: StoredPointSearch, _ definition: VPGDefinition) -> ScriptSubject? {
    if let probe = job.workflow.probe { return ScriptSubject(probe) }
    return job.workflow.look.map { look in
      let vms = definition.vms.filter { vm in look.machines.contains { $0.vm == vm.identifier } }
      return ScriptSubject(
        operation: "Test",
        identifier: job.identifier,
        checkpoint: look.checkpoint,
        isTest: true,
        names: vms.map(\.name),
        uuids: vms.map { _ in "" }
      )
    }
  }

  func pointFiles(
    of job: StoredPointSearch,
    _ look: PointLook
  ) async throws(SiteError) -> PointFiles {
    guard let definition = await context.vpgs.record(job.vpg)?.definition else {
      throw .notFound("The VPG is gone.")
    }
    return PointFiles(
      site: RecoverySite(context: context, definition: definition),
      look: look,
      conditions: job.workflow.check.files ?? []
    )
  }
}
