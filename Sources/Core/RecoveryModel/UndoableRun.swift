// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Where a job stands whose steps are all done or, if one fails or nobody wants it any more, all
/// undone; without the steps themselves.
///
/// Undoing is tried until it is done. What is done with the last step cannot be undone any more.
package struct UndoableRun: Codable, Sendable, Equatable {
  package private(set) var stage = Stage.doing
  /// The index of the current step of the stage.
  package private(set) var cursor = 0
  /// Whether somebody wants the job no more.
  package private(set) var isAborted = false
  /// Why it is being undone without anyone asking; empty otherwise.
  package private(set) var failure = ""

  package init() {}

  package enum Stage: String, Codable, Sendable {
    case doing
    case undoing
    case completed
    case undone
  }

  /// Why a step was not done.
  package enum Failure: Sendable, Equatable {
    /// Whoever carries the step out is away, and may come back.
    case away(String)
    case refused(String)
  }

  package var isOver: Bool { stage == .completed || stage == .undone }

  /// The current step is done, of a stage that has `count`.
  package mutating func stepDone(of count: Int) {
    precondition(cursor < count, "no step was under way")
    cursor += 1
    if cursor == count {
      enter(stage == .doing ? .completed : .undone)
    } else if stage == .doing, isAborted {
      enter(.undoing)
    }
  }

  /// The current step failed.
  ///
  /// - Returns: Whether it is to be tried again after a pause.
  package mutating func stepFailed(_ reason: Failure) -> Bool {
    guard stage == .doing else { return true }
    switch reason {
    case .away where !isAborted: return true
    case .away: break
    case .refused(let reason): if !isAborted { failure = reason }
    }
    enter(.undoing)
    return false
  }

  /// Has the job undone, as soon as the current step has ended; whether it is not too late.
  package mutating func abort() -> Bool {
    guard stage == .doing else { return false }
    isAborted = true
    return true
  }

  private mutating func enter(_ next: Stage) {
    stage = next
    cursor = 0
  }
}
