// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import RecoveryModel
internal import Store

/// Carries out what a search for the last good point does next.
struct PointSearchSteps: DurableJobSteps {
  /// Pause between two looks at VMs that are not well yet.
  static let lookPause = Duration.seconds(1)

  let context: SiteContext
  let checks: any PointChecking

  func advance(
    _ job: StoredPointSearch,
    in searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    switch job.workflow.nextAction {
    case .choose: try await choose(job, searches)
    case .perform(let step), .retry(let step): try await take(step, of: job, searches)
    case .check: try await check(job, searches)
    case .open: try await open(job, searches)
    case .close: try await close(job, searches)
    case .finish: .atOnce
    }
  }

  /// Begins the next probe, or ends the search.
  private func choose(
    _ job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    let record = await context.vpgs.record(job.vpg)
    let points: [Checkpoint]
    do throws(SiteError) {
      guard let record else { throw .notFound("The VPG is gone.") }
      points = try await RecoverySite(context: context, definition: record.definition)
        .checkpoints()
    } catch {
      if Task.isCancelled { throw error }
      // Whoever keeps the journals is away and may come back.
      if case .unreachable = error { return .afterPause }
      await searches.change(job.vpg) { if !$0.isOver { $0.workflow.fail(error.message) } }
      return .atOnce
    }
    guard let definition = record?.definition else { return .atOnce }
    let now = context.now()
    await searches.change(job.vpg) { job in
      // It may have been aborted meanwhile.
      guard !job.isOver, let next = job.workflow.choose(of: points) else { return }
      if let files = job.workflow.check.files {
        return job.workflow.begin(PointLook(checkpoint: next, at: files), at: now)
      }
      do throws(SiteError) {
        let probe = try RecoveryPlan(definition: definition, checkpoints: points)
          .test(VPGOperation.FailoverTest(checkpoint: next.identifier))
        job.workflow.begin(probe, at: now)
      } catch { job.workflow.fail(error.message) }
    }
    return .atOnce
  }

  private func take(
    _ step: RecoveryWorkflow.Step,
    of job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    guard let probe = job.workflow.probe else { return .atOnce }
    let triesInVain = job.workflow.triesInVain
    do throws(SiteError) {
      let outcome = try await RecoverySteps(context: context).perform(step, of: probe)
      let now = context.now()
      await searches.change(job.vpg) { job in
        if case .started(let machine, let vm) = outcome { job.workflow.started(machine, as: vm) }
        job.workflow.stepDone(at: now)
      }
    } catch {
      if Task.isCancelled { throw error }
      context.logger.warning(
        "a step of a search failed",
        metadata: ["vpg": "\(job.vpg)", "step": "\(step)", "reason": "\(error.message)"]
      )
      let now = context.now()
      let isRetried = await searches.change(job.vpg) {
        $0.workflow.stepFailed(error.message, at: now)
      }
      if isRetried == true { return .afterPause }
    }
    // A point that could not be tried is tried again, but not at once.
    let triesNow = await searches.job(of: job.vpg)?.workflow.triesInVain ?? 0
    return triesNow > triesInVain ? .afterPause : .atOnce
  }

  /// Looks at the probe's VMs until they pass, their time is up, or nobody wants to know.
  private func check(
    _ job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    if job.workflow.look != nil { return try await checkFiles(job, searches) }
    let check = job.workflow.check
    let vms = job.workflow.probe?.machines.compactMap(\.recovered) ?? []
    let deadline = ContinuousClock.now + .seconds(check.timeoutInSeconds)
    var finding = CheckFinding(hasPassed: false, words: "")
    while await searches.job(of: job.vpg)?.isAborted == false {
      finding = await checks.look(at: vms, for: check, by: context.hypervisor)
      if finding.hasPassed || ContinuousClock.now >= deadline { break }
      try await searches.pause(Self.lookPause)
    }
    return try await note(
      await conclude(finding, until: deadline, of: job, searches),
      of: job,
      searches
    )
  }

  /// Notes what came of a check.
  func note(
    _ outcome: PointScriptOutcome,
    of job: StoredPointSearch,
    _ searches: PointSearches
  ) async throws(SiteError) -> DurableJobPace {
    if Task.isCancelled { throw .failed("The manager is stopping.") }
    await searches.change(job.vpg) { job in
      guard !job.isAborted else { return job.workflow.endCheck() }
      switch outcome {
      case .verdict(let verdict): job.workflow.checked(verdict)
      case .none(let reason): job.workflow.cannotCheck(reason)
      }
    }
    return .atOnce
  }
}
