// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Logging
package import RecoveryModel
package import Store

/// The site's tasks: what was asked for, how far it is and how it ended. Every change is in the
/// store when the call returns.
package actor TaskBoard {
  private let site: SiteIdentifier
  private let store: any Store
  private let scope: WorkScope
  private let now: @Sendable () -> WallTime
  private let logger: Logger
  private let version: HistoryVersion
  /// Tasks that are not final, and final ones the store would not take.
  private var open: [TaskIdentifier: TaskRecord] = [:]

  package init(
    site: SiteIdentifier,
    store: any Store,
    scope: WorkScope,
    logger: Logger,
    version: HistoryVersion = HistoryVersion(),
    now: @escaping @Sendable () -> WallTime
  ) {
    self.site = site
    self.store = store
    self.scope = scope
    self.logger = logger
    self.now = now
    self.version = version
  }

  // MARK: Beginning

  /// Makes a task in progress; whoever began it has to end it.
  package func begin(
    _ kind: TaskRecord.Kind,
    user: String,
    vpgs: [VPGIdentifier] = [],
    sites: [SiteIdentifier] = [],
    hosts: [HostIdentifier] = []
  ) async throws(SiteError) -> TaskIdentifier {
    let guid = UUID().uuidString.lowercased()
    let record = TaskRecord(
      identifier: TaskIdentifier("\(guid).\(site)"),
      kind: kind,
      initiatedBy: user,
      started: now(),
      vpgs: vpgs,
      sites: sites,
      hosts: hosts
    )
    do { try await store.save(record) } catch { throw SiteError(error) }
    open[record.identifier] = record
    version.advance()
    return record.identifier
  }

  /// Begins a task and runs its body in the site's scope: the task succeeds when the body returns
  /// and fails with its error's words otherwise.
  package func run(
    _ kind: TaskRecord.Kind,
    user: String,
    vpgs: [VPGIdentifier] = [],
    sites: [SiteIdentifier] = [],
    hosts: [HostIdentifier] = [],
    body: @escaping @Sendable (TaskIdentifier) async throws(SiteError) -> Void
  ) async throws(SiteError) -> TaskIdentifier {
    let task = try await begin(kind, user: user, vpgs: vpgs, sites: sites, hosts: hosts)
    carryOn(task, body: body)
    return task
  }

  /// Runs the body of a task that was begun before, maybe by a manager that was killed.
  package func carryOn(
    _ task: TaskIdentifier,
    body: @escaping @Sendable (TaskIdentifier) async throws(SiteError) -> Void
  ) {
    scope.start {
      do throws(SiteError) {
        try await body(task)
        await self.succeed(task)
      } catch {
        // A stopped manager leaves its tasks in progress: the next one judges them.
        if !Task.isCancelled { await self.fail(task, reason: error.message) }
      }
    }
  }

  // MARK: Progress

  /// Notes how far the task is, 0...99.
  package func progress(_ task: TaskIdentifier, _ percent: Int) async {
    let percent = min(max(percent, 0), 99)
    guard open[task]?.progress != percent else { return }
    await change(task) {
      $0.progress = percent
      $0.state = .inProgress
    }
  }

  /// Adds to what is said of how the task went, also if it ends well.
  package func note(_ task: TaskIdentifier, _ words: String) async {
    await change(task) { $0.completeReason += ($0.completeReason.isEmpty ? "" : " ") + words }
  }

  /// Ends a task that did what it was for, but for what `shortfall` says.
  package func succeed(_ task: TaskIdentifier, but shortfall: String = "") async {
    if !shortfall.isEmpty { await note(task, shortfall) }
    await finish(task, as: .completed, reason: "")
  }

  package func fail(_ task: TaskIdentifier, reason: String) async {
    await finish(task, as: .failed, reason: reason)
  }

  /// Ends a task that somebody has had ended.
  package func stop(_ task: TaskIdentifier, reason: String) async {
    await finish(task, as: .stopped, reason: reason)
  }

  // MARK: Looking

  package func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord {
    if let record = open[task] { return record }
    do {
      if let record = try await store.task(task) { return record }
    } catch { throw SiteError(error) }
    throw .notFound("There is no task \(task).")
  }

  /// Tasks of this site, and what is known of its peers', newest first.
  ///
  /// `start`: Only those that began then or later.
  package func all(since start: WallTime? = nil) async throws(SiteError) -> [TaskRecord] {
    do {
      return try await store.tasks(since: start).map { open[$0.identifier] ?? $0 }
    } catch { throw SiteError(error) }
  }

  /// Tasks that are not final.
  package func unfinished() -> [TaskRecord] { open.values.filter { !$0.state.isFinal } }

  /// Takes over what a manager that was stopped or killed left behind, and fails the tasks that
  /// `isContinued` does not claim.
  package func takeOver(
    isContinued: @Sendable (TaskRecord) async -> Bool
  ) async throws(SiteError) {
    let left: [TaskRecord]
    do {
      left = try await store.tasks().filter { $0.identifier.site == site && !$0.state.isFinal }
    } catch { throw SiteError(error) }
    for record in left where open[record.identifier] == nil {
      open[record.identifier] = record
      if await !isContinued(record) {
        await fail(record.identifier, reason: "The manager was stopped before the task was done.")
      }
    }
  }

  // MARK: Inside

  private func finish(_ task: TaskIdentifier, as state: TaskRecord.State, reason: String) async {
    await change(task) {
      $0.state = state
      $0.progress = 100
      $0.completed = self.now()
      if !reason.isEmpty { $0.completeReason = reason }
    }
    if state == .failed {
      logger.warning("task failed", metadata: ["task": "\(task)", "reason": "\(reason)"])
    }
  }

  private func change(_ task: TaskIdentifier, _ body: (inout TaskRecord) -> Void) async {
    guard var record = open[task], !record.state.isFinal else { return }
    body(&record)
    record.generation += 1
    open[task] = record
    defer { version.advance() }
    do {
      try await store.save(record)
      if record.state.isFinal { open[task] = nil }
    } catch {
      logger.error("task not stored", metadata: ["task": "\(task)", "error": "\(error)"])
    }
  }
}
