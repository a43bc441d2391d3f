// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Store

/// Work that outlives the manager that began it: a workflow, and what its driver needs beside it.
///
/// The store keeps it as JSON, under the members' names.
protocol DurableJob: Codable, Sendable, Equatable {
  /// What there is one job of at most.
  associatedtype Subject: Hashable & Sendable

  static var words: DurableJobWords { get }

  var identifier: String { get }
  /// Whether the store keeps it when it is over, until the next of its subject is.
  var isKept: Bool { get }
  var vpg: VPGIdentifier { get }
  var subject: Subject { get }
  /// What the task that drives the workflow does.
  var taskKind: TaskRecord.Kind { get }
  var course: DurableJobCourse { get set }

  /// Whether nothing is left to do.
  var isOver: Bool { get }
  /// Whether somebody wants it no more.
  var isAborted: Bool { get }
  /// 0...99.
  var progress: Int { get }
  /// Why it ended in vain without anyone asking; empty otherwise.
  var failure: String { get }
  /// How it ended, in words for an operator.
  var summary: String { get }
  /// Has it undone or ended; whether that is possible.
  mutating func abort() -> Bool
}

/// Who wants a job, and how that went up to now, whatever the job does.
struct DurableJobCourse: Codable, Sendable, Equatable {
  let user: String
  /// The task that drives the workflow.
  var task: TaskIdentifier?
  /// Why it was aborted; nil if it was not.
  var abortReason: String?
  /// The task of the person who aborted it.
  var abortTask: TaskIdentifier?
  /// When it was over; nil before.
  var ended: WallTime?

  init(user: String) { self.user = user }
}

/// How people and the store call a kind of job.
struct DurableJobWords: Sendable {
  /// What sets it apart in the store.
  var kind: String
  /// As in "a clone is not stored".
  var name: String
  var task: TaskRecord.Kind
  var abortTask: TaskRecord.Kind
  /// Says that one ended, and how.
  var event: EventRecord.Kind
}

extension DurableJob {
  var isKept: Bool { false }
  var taskKind: TaskRecord.Kind { Self.words.task }

  /// Whether it did what it was for.
  var hasSucceeded: Bool { isOver && failure.isEmpty && course.abortReason == nil }

  init(_ record: WorkflowRecord) throws(SiteError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(record.state.utf8)) } catch {
      throw .failed("The stored \(Self.words.name) \(record.identifier) cannot be read: \(error).")
    }
  }

  func record() throws(SiteError) -> WorkflowRecord {
    do {
      return WorkflowRecord(
        identifier: identifier,
        vpg: vpg,
        kind: Self.words.kind,
        state: String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
      )
    } catch { throw .failed("The \(Self.words.name) cannot be stored: \(error).") }
  }
}

/// Carries out what a job does next.
protocol DurableJobSteps<Job>: Sendable {
  associatedtype Job: DurableJob

  /// Does one thing, and tells `jobs` what came of it.
  ///
  /// `job` is how it was before; it may be aborted meanwhile, so changes go through
  /// ``DurableJobs/change(_:_:)``. What is thrown ends the driving: a manager that stops.
  func advance(
    _ job: Job,
    in jobs: DurableJobs<Job>
  ) async throws(SiteError) -> DurableJobPace
}

/// When a job goes on.
enum DurableJobPace: Sendable {
  case atOnce
  /// What failed is tried again after a pause.
  case afterPause
}
