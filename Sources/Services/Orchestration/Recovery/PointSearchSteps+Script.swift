// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Scripts
internal import Store

/// What a script says of a point.
enum PointScriptOutcome: Sendable {
  case verdict(PointSearchWorkflow.Verdict)
  /// It was not run, or not to its end: nothing is known.
  case none(String)

  /// The same with what was found before it was begun.
  func after(_ words: String) -> PointScriptOutcome {
    guard case .verdict(var verdict) = self, !words.isEmpty else { return self }
    verdict.finding = "\(words) \(verdict.finding)"
    return .verdict(verdict)
  }
}

// A script as the check of a point: it is run beside the VMs of the probe, and only looks.
extension PointSearchSteps {
  /// What such a script is called where scripts are told apart.
  private static let scriptName = "PointCheck"

  /// What a look at VMs comes to: those that are well have the script to pass, if there is one.
  func conclude(
    _ finding: CheckFinding,
    until deadline: ContinuousClock.Instant,
    of job: StoredPointSearch,
    _ searches: PointSearches
  ) async -> PointScriptOutcome {
    guard finding.hasPassed, let script = job.workflow.check.script else {
      return .verdict(.init(hasPassed: finding.hasPassed, finding: finding.words))
    }
    guard let definition = await context.vpgs.record(job.vpg)?.definition,
      let subject = subject(of: job, definition)
    else { return .none("the VPG is gone") }
    let left = max(ContinuousClock.now.duration(to: deadline), .seconds(1))
    var run = RecoverySteps(context: context).job(
      script.command,
      script.parameters,
      as: Self.scriptName,
      timeout: left,
      of: subject,
      definition
    )
    if let look = job.workflow.look {
      run.fill = { folder in try await pointFiles(of: job, look).fetch(into: folder) }
    }
    return await self.run(script, run, of: job, searches).after(finding.words)
  }

  /// Runs a script to its end, until the point's time is up, or until nobody wants to know.
  private func run(
    _ script: PointCheck.Script,
    _ run: ScriptJob,
    of job: StoredPointSearch,
    _ searches: PointSearches
  ) async -> PointScriptOutcome {
    guard let scripts = context.scripts else { return .none("this site runs no scripts") }
    let result = await withTaskGroup(of: ScriptResult?.self) { group in
      group.addTask { await scripts.run(run) }
      group.addTask { await waitForAbort(of: job, searches) }
      defer { group.cancelAll() }
      return await group.next().flatMap(\.self)
    }
    let what = "The script \(script.command)"
    guard let result else { return .none("\(what) was ended") }
    let output = RecoverySteps.words(of: result)
    return switch result.ending {
    case .exited(let status):
      .verdict(
        .init(hasPassed: status == 0, finding: "\(what) ended with status \(status).\(output)")
      )
    case .timedOut:
      .verdict(
        .init(hasPassed: false, finding: "\(what) was ended: the point's time was up.\(output)")
      )
    case .stopped: .none("\(what) was ended with the manager")
    case .refused(let why): .none("\(what) was not run. \(why)")
    }
  }

  /// Ends with the search, or when nobody waits any more.
  func waitForAbort(
    of job: StoredPointSearch,
    _ searches: PointSearches
  ) async -> ScriptResult? {
    while await searches.job(of: job.vpg)?.isAborted == false {
      do throws(SiteError) { try await searches.pause(Self.lookPause) } catch { return nil }
    }
    return nil
  }
}
