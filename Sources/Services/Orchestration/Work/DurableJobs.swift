// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import RecoveryModel
internal import Store

/// The jobs of one kind, one at most per subject, and what drives them.
///
/// A job is stored after each thing that is done, so a manager that is killed goes on where it was;
/// its workflow says why that is safe. It is aborted while something is under way: the job in
/// `known` is the only one, and nobody keeps a copy of it over an `await` to write it back.
actor DurableJobs<Job: DurableJob> {
  /// Pause before what failed is tried again.
  private static var retryPause: Duration { .seconds(2) }

  private let context: SiteContext
  private let steps: any DurableJobSteps<Job>
  /// Those under way, and of kinds that are kept the last one of each subject.
  private var known: [Job.Subject: Job] = [:]
  /// What an earlier manager left, until it is gone on with.
  private var loaded: [Job] = []
  /// What was last said of something that is tried again and again.
  private var troubles: [Job.Subject: String] = [:]

  init(context: SiteContext, steps: any DurableJobSteps<Job>) {
    self.context = context
    self.steps = steps
  }

  /// The job under way; of kinds that are kept, else the last one.
  func job(of subject: Job.Subject) -> Job? { known[subject] }

  /// Whether a job of the subject is not over.
  func isActive(_ subject: Job.Subject) -> Bool {
    known[subject].map { $0.course.ended == nil } ?? false
  }

  /// The jobs that are not over.
  func active() -> [Job] { known.values.filter { $0.course.ended == nil } }

  // MARK: After a restart

  /// Takes a job of an earlier manager.
  func load(_ job: Job) {
    loaded.append(job)
    // One that was followed by another may still be there.
    guard let other = known[job.subject] else { return known[job.subject] = job }
    let ends = [job, other].map { $0.course.ended?.milliseconds ?? 0 }
    if !job.isOver || other.isOver && ends[0] > ends[1] { known[job.subject] = job }
  }

  /// Goes on with the jobs that were loaded; whatever else is under way has begun by itself.
  func resume() async {
    let open = Set(await context.tasks.unfinished().map(\.identifier))
    for job in loaded {
      let isLast = known[job.subject]?.identifier == job.identifier
      if job.course.ended == nil, isLast {
        carryOn(job.subject, job.course.task)
        continue
      }
      // It may not have said how it ended; and one that is kept is kept until the next.
      let hasSaid = job.course.task.map { !open.contains($0) } ?? true
      do throws(SiteError) {
        if !hasSaid { await announce(job) }
        if !isLast || !job.isKept { try await forget(job) }
      } catch { log(error, job.subject) }
    }
    loaded = []
  }

  // MARK: Asking

  /// Begins a job under a task of its own.
  ///
  /// `refusal` is said if there is one of the subject already.
  func begin(_ job: Job, refusal: String) async throws(SiteError) -> TaskIdentifier {
    let subject = job.subject
    guard !isActive(subject) else { throw .conflict(refusal) }
    let before = known[subject]
    known[subject] = job
    let task: TaskIdentifier
    do throws(SiteError) {
      task = try await context.tasks.begin(job.taskKind, user: job.course.user, vpgs: [job.vpg])
    } catch {
      known[subject] = before
      throw error
    }
    known[subject]?.course.task = task
    do throws(SiteError) { try await save(subject) } catch {
      known[subject] = before
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
    if let before { try? await forget(before) }
    carryOn(subject, task)
    return task
  }

  /// Has a job aborted; the task ends when nothing of it is left.
  ///
  /// `refusal` is said if there is none, or if it is too late.
  func abort(
    _ subject: Job.Subject,
    because reason: String,
    user: String,
    refusal: String
  ) async throws(SiteError) -> TaskIdentifier {
    guard let job = known[subject], canAbort(subject) else { throw .conflict(refusal) }
    let task = try await context.tasks.begin(Job.words.abortTask, user: user, vpgs: [job.vpg])
    do throws(SiteError) {
      // It may have ended while the task was stored.
      guard canAbort(subject) else { throw .conflict(refusal) }
      known[subject]?.course.abortTask = task
      try await abort(subject, because: reason)
      return task
    } catch {
      await context.tasks.fail(task, reason: error.message)
      throw error
    }
  }

  /// Has a job aborted, for something that cannot wait for it, and waits for that.
  ///
  /// - Throws: `unreachable` if it takes longer than `limit`; it goes on then.
  func end(
    _ subject: Job.Subject,
    because reason: String,
    within limit: Duration? = nil
  ) async throws(SiteError) {
    try await abort(subject, because: reason)
    let deadline = limit.map { ContinuousClock.now + $0 }
    while isActive(subject) {
      if let deadline, ContinuousClock.now >= deadline {
        throw .unreachable("A \(Job.words.name) cannot be undone yet: an appliance is away.")
      }
      try await pause(.milliseconds(200))
    }
  }

  private func canAbort(_ subject: Job.Subject) -> Bool {
    guard var job = known[subject], !job.isAborted else { return false }
    return job.abort()
  }

  private func abort(_ subject: Job.Subject, because reason: String) async throws(SiteError) {
    guard known[subject]?.abort() == true else { return }
    known[subject]?.course.abortReason = reason
    try await save(subject)
  }

  // MARK: For the steps

  /// Notes what came of something; nil if the job is gone.
  @discardableResult
  func change<Result: Sendable>(
    _ subject: Job.Subject,
    _ body: @Sendable (inout Job) -> Result
  ) -> Result? {
    guard var job = known[subject] else { return nil }
    defer { known[subject] = job }
    return body(&job)
  }

  /// Shows how far the job is, and says whether it is still wanted.
  func goesOn(_ subject: Job.Subject, progress: Int) async -> Bool {
    guard let task = known[subject]?.course.task else { return false }
    await context.tasks.progress(task, progress)
    return known[subject]?.isAborted == false
  }

  /// Says what went wrong, once as long as it is the same; nil once it went well.
  func note(_ trouble: String?, of subject: Job.Subject) async {
    guard troubles[subject] != trouble, let job = known[subject] else { return }
    troubles[subject] = trouble
    guard let trouble else { return }
    await context.events.record(
      Job.words.event,
      "A step of a \(Job.words.name) failed: \(trouble)",
      succeeded: false,
      user: job.course.user,
      vpgs: [job.vpg]
    )
  }

  /// Waits; it ends early only if the manager does.
  nonisolated func pause(_ duration: Duration) async throws(SiteError) {
    do { try await Task.sleep(for: duration) } catch { throw .failed("The manager is stopping.") }
  }

  // MARK: Driving

  private func carryOn(_ subject: Job.Subject, _ task: TaskIdentifier?) {
    context.scope.start { [self] in
      do throws(SiteError) { try await drive(subject) } catch {
        // A stopped manager leaves its jobs: the next one goes on with them.
        guard !Task.isCancelled, let task else { return }
        await context.tasks.fail(task, reason: error.message)
      }
    }
  }

  private func drive(_ subject: Job.Subject) async throws(SiteError) {
    while let job = known[subject], !job.isOver {
      let pace = try await steps.advance(job, in: self)
      try await keep(subject)
      if let job = known[subject], let task = job.course.task {
        await context.tasks.progress(task, job.progress)
      }
      if pace == .afterPause { try await pause(Self.retryPause) }
    }
    try await finish(subject)
  }

  /// Ends a job, and forgets it last: a manager that is killed in between does it again.
  private func finish(_ subject: Job.Subject) async throws(SiteError) {
    // Who sees the task's end can begin another one.
    known[subject]?.course.ended = context.now()
    troubles[subject] = nil
    try await keep(subject)
    guard let job = known[subject] else { return }
    await announce(job)
    guard !job.isKept else { return }
    if known[subject]?.identifier == job.identifier { known[subject] = nil }
    try await forget(job)
  }

  private func announce(_ job: Job) async {
    await context.events.record(
      Job.words.event,
      job.summary,
      succeeded: job.hasSucceeded,
      user: job.course.user,
      vpgs: [job.vpg]
    )
    if let task = job.course.task {
      if job.hasSucceeded {
        await context.tasks.succeed(task)
      } else if job.course.abortReason != nil, job.failure.isEmpty {
        await context.tasks.stop(task, reason: job.summary)
      } else {
        await context.tasks.fail(task, reason: job.failure)
      }
    }
    if let task = job.course.abortTask { await context.tasks.succeed(task) }
  }

  // MARK: Keeping

  /// Stores the job, and tries until it is done: nobody else goes on with it.
  ///
  /// For steps it is what comes before something that must not be done twice.
  func keep(_ subject: Job.Subject) async throws(SiteError) {
    while true {
      do throws(SiteError) { return try await save(subject) } catch {
        if Task.isCancelled { throw error }
        log(error, subject)
        try await pause(Self.retryPause)
      }
    }
  }

  /// Stores the job as it is; who changes it meanwhile does not have it stored as it was.
  private func save(_ subject: Job.Subject) async throws(SiteError) {
    while let job = known[subject] {
      let record = try job.record()
      do { try await context.store.save(record) } catch { throw SiteError(error) }
      if known[subject] == job { return }
    }
  }

  /// Takes a job that is over from the store.
  private func forget(_ job: Job) async throws(SiteError) {
    do { try await context.store.removeWorkflow(job.identifier) } catch { throw SiteError(error) }
  }

  private func log(_ error: SiteError, _ subject: Job.Subject) {
    context.logger.error(
      "a \(Job.words.name) is not stored",
      metadata: ["of": "\(subject)", "reason": "\(error.message)"]
    )
  }
}
