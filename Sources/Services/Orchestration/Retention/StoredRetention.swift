// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// A copy of a checkpoint into a repository, which this site makes as the recovery site.
struct StoredRetention: DurableJob {
  static let words = DurableJobWords(
    kind: "retention",
    name: "copy to a repository",
    task: .retain,
    abortTask: .abortRetain,
    event: .retain
  )

  var workflow: RetentionWorkflow
  var vpgName: String
  var course: DurableJobCourse
  /// How the script after it went, in words; nil if none was run.
  var scriptOutcome: String?

  init(workflow: RetentionWorkflow, vpgName: String, user: String) {
    self.workflow = workflow
    self.vpgName = vpgName
    course = DurableJobCourse(user: user)
  }

  var identifier: String { workflow.identifier.rawValue }
  var vpg: VPGIdentifier { workflow.vpg }
  var subject: VPGIdentifier { workflow.vpg }
  var isOver: Bool { workflow.run.isOver }
  var isAborted: Bool { workflow.isAborted }
  var progress: Int { workflow.progress() }
  var failure: String { workflow.run.failure }

  var summary: String {
    let point = "checkpoint \(workflow.checkpoint.identifier) of the VPG \(vpgName)"
    guard workflow.run.stage == .completed else {
      return course.abortReason ?? "The copy of \(point) to a repository was undone: \(failure)"
    }
    let script = scriptOutcome.map { " \($0)" } ?? ""
    return "A copy of \(point) is in its repository.\(script)"
  }

  mutating func abort() -> Bool { workflow.abort() }
}

/// The copies to repositories that this site makes.
typealias Retentions = DurableJobs<StoredRetention>

extension Retentions {
  func refuseIfActive(_ vpg: VPGIdentifier, _ name: String) throws(SiteError) {
    guard !isActive(vpg) else { throw .conflict(Self.isBusy(name)) }
  }

  func abort(
    _ vpg: VPGIdentifier,
    of name: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await abort(
      vpg,
      because: "The copy was aborted by \(user).",
      user: user,
      refusal: "No copy of the VPG \(name) to a repository is running."
    )
  }

  static func isBusy(_ name: String) -> String {
    "The VPG \(name) is being copied to a repository; wait for the end or abort it first."
  }
}

/// A VM that this site makes of a retention set.
struct StoredRestore: DurableJob {
  static let words = DurableJobWords(
    kind: "restore",
    name: "restore",
    task: .restore,
    abortTask: .abortRetain,
    event: .restore
  )

  var workflow: RestoreWorkflow
  var course: DurableJobCourse

  init(workflow: RestoreWorkflow, user: String) {
    self.workflow = workflow
    course = DurableJobCourse(user: user)
  }

  var identifier: String { workflow.identifier }
  var vpg: VPGIdentifier { workflow.vpg }
  /// Several may be made at once.
  var subject: String { workflow.identifier }
  var isOver: Bool { workflow.run.isOver }
  var isAborted: Bool { workflow.run.isAborted }
  var progress: Int { workflow.progress() }
  var failure: String { workflow.run.failure }

  var summary: String {
    guard workflow.run.stage == .completed else {
      return course.abortReason ?? "The restore of \(workflow.machine.name) was undone: \(failure)"
    }
    return "\(workflow.machine.name) was restored as the VM \(workflow.name)."
  }

  mutating func abort() -> Bool { workflow.run.abort() }
}

/// The restores that this site makes.
typealias Restores = DurableJobs<StoredRestore>

extension UndoableRun.Failure {
  /// What is said by who carries a step out.
  init(_ error: SiteError) {
    if case .unreachable(let reason) = error {
      self = .away(reason)
    } else {
      self = .refused(error.message)
    }
  }
}
