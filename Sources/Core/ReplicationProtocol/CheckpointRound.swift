// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The manager's part in one checkpoint over several appliances.
///
/// Every appliance is asked to hold: to take a place in each stream and keep back the
/// acknowledgements of what comes after it. Once all hold, all are told to release and put the
/// mark in. If one refuses, is lost, or the limit is reached first, all are told to release
/// without a mark: the checkpoint is skipped.
///
/// What must hold: nobody is told to keep the mark before everybody has said that it holds. What an
/// appliance does with a message that comes late is ``AcknowledgementHold``'s business. Loss of the
/// manager needs no message: every hold ends by itself.
///
/// Times are microseconds of any steady clock.
package struct CheckpointRound: Sendable {
  /// What the caller is to do.
  package enum Action: Hashable, Sendable {
    case hold(ApplianceIdentifier)
    case release(ApplianceIdentifier, keepsMark: Bool)
    case finish(Outcome)
  }

  /// How a round ended.
  package enum Outcome: Hashable, Sendable {
    /// Every stream has its mark.
    case made
    /// No journal ever gets all of the marks, or it is not known: the journals say.
    case skipped(Reason)
  }

  /// Why a checkpoint was skipped.
  package enum Reason: Hashable, Sendable {
    /// This appliance did not hold, or its hold ended early, and says so.
    case refused(ApplianceIdentifier)
    /// This appliance did not answer.
    case lost(ApplianceIdentifier)
    /// Not everybody held in time.
    case limit
  }

  private enum Phase: Hashable {
    case holding
    case releasing
    case finished
  }

  private let appliances: [ApplianceIdentifier]
  private let deadline: Int64
  private var phase = Phase.holding
  private var awaited: Set<ApplianceIdentifier>
  private var trouble: Reason?

  /// Makes a round over `appliances`, each named once, that has `limit` microseconds.
  package init(over appliances: [ApplianceIdentifier], now: Int64, limit: Int64) {
    precondition(!appliances.isEmpty, "nobody to ask")
    self.appliances = appliances
    deadline = now + limit
    awaited = Set(appliances)
  }

  /// What to do first.
  package var firstActions: [Action] { appliances.map { .hold($0) } }

  /// An appliance holds.
  package mutating func held(_ appliance: ApplianceIdentifier, now: Int64) -> [Action] {
    guard phase == .holding else { return [] }
    guard now < deadline else { return skip(.limit) }
    awaited.remove(appliance)
    guard awaited.isEmpty else { return [] }
    phase = .releasing
    awaited = Set(appliances)
    return appliances.map { .release($0, keepsMark: true) }
  }

  /// An appliance let go, and says whether its streams have their marks.
  package mutating func released(
    _ appliance: ApplianceIdentifier,
    isMarked: Bool
  ) -> [Action] {
    guard phase == .releasing, awaited.remove(appliance) != nil else { return [] }
    if !isMarked { trouble = trouble ?? .refused(appliance) }
    return finishIfAllAnswered()
  }

  /// An appliance does not hold, and says so.
  package mutating func refused(_ appliance: ApplianceIdentifier) -> [Action] {
    phase == .holding ? skip(.refused(appliance)) : []
  }

  /// An appliance does not answer what it was asked.
  package mutating func lost(_ appliance: ApplianceIdentifier) -> [Action] {
    switch phase {
    case .holding: return skip(.lost(appliance))
    case .releasing:
      guard awaited.remove(appliance) != nil else { return [] }
      trouble = trouble ?? .lost(appliance)
      return finishIfAllAnswered()
    case .finished: return []
    }
  }

  /// Called when the limit is reached, and as often as one likes.
  package mutating func tick(now: Int64) -> [Action] {
    phase == .holding && now >= deadline ? skip(.limit) : []
  }

  private mutating func finishIfAllAnswered() -> [Action] {
    guard awaited.isEmpty else { return [] }
    phase = .finished
    return [.finish(trouble.map { .skipped($0) } ?? .made)]
  }

  /// Those that have not answered are told too: they may hold by now.
  private mutating func skip(_ reason: Reason) -> [Action] {
    phase = .finished
    return appliances.map { .release($0, keepsMark: false) } + [.finish(.skipped(reason))]
  }
}
