// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// A session: who logged on.
package struct SessionRecord: Sendable, Equatable {
  /// What the session is known by; with bearer tokens, their session.
  package let token: String
  package let user: String
  /// The user among those of all sources, such as `os:alice`.
  package let subject: String
  package let role: Role
  /// nil if it is not confined to an organisation.
  package let portal: PortalSession?

  package init(
    token: String,
    user: String,
    subject: String,
    role: Role,
    portal: PortalSession? = nil
  ) {
    self.token = token
    self.user = user
    self.subject = subject
    self.role = role
    self.portal = portal
  }
}

/// The sessions that are open. A session dies after thirty minutes without a call, and is
/// forgotten by a restart.
actor SessionStore {
  private var sessions: [String: (record: SessionRecord, lastUse: ContinuousClock.Instant)] = [:]
  private let limit: Int
  private let lifetime: Duration
  private let now: @Sendable () -> ContinuousClock.Instant

  /// `limit`: Sessions kept; one more ends the one unused longest.
  init(
    limit: Int = 1000,
    lifetime: Duration = .seconds(30 * 60),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.limit = limit
    self.lifetime = lifetime
    self.now = now
  }

  /// Begins a session.
  ///
  /// The token is 160 random bits in hexadecimal.
  func begin(_ account: Account, portal: PortalSession? = nil) -> SessionRecord {
    removeExpired()
    if sessions.count >= limit,
      let oldest = sessions.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      sessions[oldest.key] = nil
    }
    var random = SystemRandomNumberGenerator()
    let token = (0..<20).map { _ in
      let byte = UInt8.random(in: 0...255, using: &random)
      return (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    let record = SessionRecord(
      token: token,
      user: account.name,
      subject: account.subject,
      role: account.role,
      portal: portal
    )
    sessions[token] = (record, now())
    return record
  }

  /// The session of a token, if it lives; the call keeps it alive.
  func use(_ token: String) -> SessionRecord? {
    guard let session = sessions[token] else { return nil }
    guard session.lastUse.duration(to: now()) < lifetime else {
      sessions[token] = nil
      return nil
    }
    sessions[token]?.lastUse = now()
    return session.record
  }

  /// Sessions of self-service portals, in the order in which they began.
  func portals() -> [SessionRecord] {
    removeExpired()
    return sessions.values.map(\.record).filter { $0.portal != nil }.sorted {
      let began = ($0.portal?.created.milliseconds ?? 0, $1.portal?.created.milliseconds ?? 0)
      return (began.0, $0.token) < (began.1, $1.token)
    }
  }

  func end(_ token: String) { sessions[token] = nil }

  private func removeExpired() {
    let now = now()
    sessions = sessions.filter { $0.value.lastUse.duration(to: now) < lifetime }
  }
}
