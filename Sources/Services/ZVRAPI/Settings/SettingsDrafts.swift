// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// The settings objects that are open. Each belongs to the session that opened it, ends with its
/// log-off, and is thrown away after thirty minutes without use.
///
/// Every other session of the same user finds it, too: many clients log on anew for each call.
actor SettingsDrafts {
  private struct Entry {
    var draft: SettingsDraft
    let session: SessionRecord
    var lastUse: ContinuousClock.Instant
    var isCommitting = false
  }

  private var entries: [String: Entry] = [:]
  private let limit: Int
  private let lifetime: Duration
  private let now: @Sendable () -> ContinuousClock.Instant

  init(
    limit: Int = 100,
    lifetime: Duration = .seconds(30 * 60),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.limit = limit
    self.lifetime = lifetime
    self.now = now
  }

  /// Keeps a draft for a session.
  func open(_ draft: SettingsDraft, session: SessionRecord) throws(APIError) {
    removeExpired()
    guard entries.count < limit else {
      throw .conflict("\(limit) settings objects are open: commit or delete some first")
    }
    entries[draft.identifier] = Entry(draft: draft, session: session, lastUse: now())
  }

  /// Those of a user, whichever of their sessions opened them.
  func all(of user: SessionRecord) -> [SettingsDraft] {
    removeExpired()
    return entries.values.filter { $0.session.subject == user.subject }.map(\.draft)
      .sorted { $0.identifier < $1.identifier }
  }

  func draft(_ identifier: String, for user: SessionRecord) throws(APIError) -> SettingsDraft {
    try entry(identifier, user).draft
  }

  /// Changes a draft; a change that fails leaves it as it was.
  func change(
    _ identifier: String,
    for user: SessionRecord,
    _ change: @Sendable (inout SettingsDraft) throws(APIError) -> Void
  ) throws(APIError) {
    var entry = try entry(identifier, user)
    guard !entry.isCommitting else { throw .conflict("the settings are being committed") }
    try change(&entry.draft)
    entries[identifier] = entry
  }

  func remove(_ identifier: String, for user: SessionRecord) throws(APIError) {
    guard try !entry(identifier, user).isCommitting else {
      throw .conflict("the settings are being committed")
    }
    entries[identifier] = nil
  }

  /// Takes a draft for committing, so that nobody else commits or changes it meanwhile.
  func beginCommit(
    _ identifier: String,
    for user: SessionRecord
  ) throws(APIError) -> SettingsDraft {
    var entry = try entry(identifier, user)
    guard !entry.isCommitting else { throw .conflict("the settings are being committed") }
    entry.isCommitting = true
    entries[identifier] = entry
    return entry.draft
  }

  /// Ends a commit: an accepted draft is gone, a refused one goes on.
  func endCommit(_ identifier: String, isAccepted: Bool) {
    if isAccepted { entries[identifier] = nil } else { entries[identifier]?.isCommitting = false }
  }

  /// Throws away what a session opened; its end is no use of the user's other ones.
  func removeAll(openedBy session: String) {
    entries = entries.filter { $0.value.session.token != session || $0.value.isCommitting }
  }

  private func entry(_ identifier: String, _ user: SessionRecord) throws(APIError) -> Entry {
    removeExpired()
    guard var entry = entries[identifier], entry.session.subject == user.subject else {
      throw .notFound("there is no settings object \(identifier)")
    }
    entry.lastUse = now()
    entries[identifier] = entry
    return entry
  }

  private func removeExpired() {
    let now = now()
    entries = entries.filter {
      $0.value.isCommitting || $0.value.lastUse.duration(to: now) < lifetime
    }
  }
}
