// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Logging
package import RecoveryModel
internal import Store

/// Has the copies begun that policies say are due, at the recovery site.
///
/// ``RetentionStanding`` decides; what it decided is stored before it is done, so that a manager
/// that is killed makes a copy once.
package struct RetentionScheduler: Sendable {
  private static let pause = Duration.seconds(10)

  private let context: SiteContext
  private let recovery: any RecoveryOperating
  /// Seconds that the site's clock is ahead of GMT.
  private let offset: @Sendable (Int) -> Int

  /// `offset` is the machine's own time zone unless another is given.
  package init(
    context: SiteContext,
    recovery: any RecoveryOperating,
    offset: @escaping @Sendable (Int) -> Int = { seconds in
      TimeZone.current.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    }
  ) {
    self.context = context
    self.recovery = recovery
    self.offset = offset
  }

  func run() async {
    while !Task.isCancelled {
      await look(at: context.now())
      do { try await Task.sleep(for: Self.pause) } catch { return }
    }
  }

  /// Does what is due of every VPG.
  package func look(at now: WallTime) async {
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site
      && [.protecting, .failingOver].contains(record.phase)
    {
      let vpg = record.definition.identifier
      do throws(SiteError) { try await look(vpg, at: now) } catch {
        context.logger.error(
          "scheduled copies not looked after",
          metadata: ["vpg": "\(record.definition.name)", "reason": "\(error.message)"]
        )
      }
    }
  }

  private func look(_ vpg: VPGIdentifier, at now: WallTime) async throws(SiteError) {
    // First this: a copy that has ended has noted before whether it became a set.
    let isCopying = await recovery.isRetaining(vpg)
    guard let record = await context.vpgs.record(vpg) else { return }
    guard let policy = record.definition.retention else {
      if record.retention != nil { try await context.vpgs.update(vpg) { $0.retention = nil } }
      return
    }
    let schedule = RetentionSchedule(policy, offset: offset)
    var standing = record.retention ?? RetentionStanding(policy, at: now)
    let action = standing.step(
      schedule,
      now: now,
      isCopying: isCopying,
      next: RetentionSetIdentifier(newGUID())
    )
    guard try await change(record, to: standing), let action else { return }
    switch action {
    case .begin(let set, let expires, let missed):
      if missed > 0 { await say(missed: missed, of: record) }
      try await begin(set, expires: expires, record, schedule, at: now)
    case .report(let again):
      await say("did not become a set", again: again, record, schedule, at: now)
    }
  }

  private func begin(
    _ set: RetentionSetIdentifier,
    expires: WallTime,
    _ record: VPGRecord,
    _ schedule: RetentionSchedule,
    at now: WallTime
  ) async throws(SiteError) {
    let vpg = record.definition.identifier
    do throws(SiteError) {
      try await recovery.retain(as: set, until: expires, record)
    } catch {
      if Task.isCancelled { throw error }
      guard let current = await context.vpgs.record(vpg), var standing = current.retention,
        case .report(let again) = standing.fail(at: now, next: RetentionSetIdentifier(newGUID()))
      else { return }
      guard try await change(current, to: standing) else { return }
      await say("could not begin: \(error.message)", again: again, current, schedule, at: now)
      return
    }
    try await context.vpgs.update(vpg) { $0.retention?.begun(set, at: now) }
  }

  /// Stores a standing; false if somebody else has changed it meanwhile.
  private func change(
    _ record: VPGRecord,
    to standing: RetentionStanding
  ) async throws(SiteError) -> Bool {
    let before = record.retention
    let after = try await context.vpgs.update(record.definition.identifier) {
      if $0.retention == before { $0.retention = standing }
    }
    return after.retention == standing
  }

  // MARK: Saying

  private func say(missed: Int, of record: VPGRecord) async {
    await context.events.record(
      .retain,
      "\(missed) scheduled \(missed == 1 ? "copy" : "copies") of the VPG "
        + "\(record.definition.name) \(missed == 1 ? "was" : "were") missed. One copy is made in "
        + "place of them, and kept as long as any of them would have been.",
      succeeded: false,
      vpgs: [record.definition.identifier]
    )
  }

  private func say(
    _ what: String,
    again: WallTime?,
    _ record: VPGRecord,
    _ schedule: RetentionSchedule,
    at now: WallTime
  ) async {
    let text = what.hasSuffix(".") ? what : "\(what)."
    let next =
      if let again {
        "It is tried again at \(Self.text(again))."
      } else if let due = schedule.next(after: now) {
        "The next one is due at \(Self.text(due))."
      } else { "No other one is due." }
    await context.events.record(
      .retain,
      "A scheduled copy of the VPG \(record.definition.name) \(text) \(next)",
      succeeded: false,
      vpgs: [record.definition.identifier]
    )
  }

  /// In GMT: who reads it may be anywhere.
  private static func text(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.milliseconds) / 1000).formatted(.iso8601)
  }
}
