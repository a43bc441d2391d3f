// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Scripts
internal import Store

// The script after a copy: `docs/operating/scripts.md`.

extension RetentionSteps {
  private static let scriptName = "PostBackup"
  private static let operation = "Backup"

  /// Runs the VPG's script once, and says how it went; the set is there whatever that is.
  ///
  /// - Throws: If the manager is stopping.
  func runScript(of job: StoredRetention, _ jobs: Retentions) async throws(SiteError) {
    let (words, succeeded) = try await outcome(of: job, jobs)
    await context.events.record(
      .postScript,
      words,
      succeeded: succeeded,
      user: job.course.user,
      vpgs: [job.vpg]
    )
    await jobs.change(job.vpg) { $0.scriptOutcome = words }
    if let task = job.course.task { await context.tasks.note(task, words) }
  }

  private func outcome(
    of job: StoredRetention,
    _ jobs: Retentions
  ) async throws(SiteError) -> (words: String, succeeded: Bool) {
    guard let definition = await context.vpgs.record(job.vpg)?.definition,
      let script = definition.scripting.postBackup
    else { return ("The script after the copy was not run: the VPG has none any more.", false) }
    let what = "The script after the copy, \(script.command ?? ""),"
    guard !job.workflow.isScriptUnderWay else { return (RecoverySteps.cutShort, false) }
    guard let scripts = context.scripts else {
      return ("\(what) was not run: this site runs none.", false)
    }
    await jobs.change(job.vpg) { $0.workflow.beginScript() }
    try await jobs.keep(job.vpg)
    let run = RecoverySteps(context: context).job(
      script.command ?? "",
      script.parameters ?? "",
      as: Self.scriptName,
      timeout: .seconds(max(script.timeoutInSeconds, 1)),
      of: subject(of: job, definition),
      definition
    )
    let result = await withTaskGroup(of: ScriptResult?.self) { group in
      group.addTask { await scripts.run(run) }
      group.addTask { await waitForAbort(of: job, jobs) }
      defer { group.cancelAll() }
      return await group.next().flatMap(\.self)
    }
    if Task.isCancelled { throw .failed("The manager is stopping.") }
    guard let result else { return ("\(what) was ended.", false) }
    let output = RecoverySteps.words(of: result)
    switch result.ending {
    case .exited(0): return ("\(what) ended well.\(output)", true)
    case .exited(let status): return ("\(what) ended with status \(status).\(output)", false)
    case .timedOut:
      let limit = "its \(script.timeoutInSeconds) seconds were up"
      return ("\(what) was ended, with all it had started: \(limit).\(output)", false)
    case .stopped: return ("\(what) was ended with the manager.\(output)", false)
    case .refused(let why): return ("\(what) was not run. \(why)", false)
    }
  }

  private func subject(of job: StoredRetention, _ definition: VPGDefinition) -> ScriptSubject {
    ScriptSubject(
      operation: Self.operation,
      identifier: job.identifier,
      checkpoint: job.workflow.checkpoint,
      names: definition.vms.map(\.name),
      uuids: definition.vms.map { _ in "" }
    )
  }

  private func waitForAbort(
    of job: StoredRetention,
    _ jobs: Retentions
  ) async -> ScriptResult? {
    while await jobs.job(of: job.vpg)?.isAborted == false {
      do throws(SiteError) { try await jobs.pause(.seconds(1)) } catch { return nil }
    }
    return nil
  }
}
