// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Identity
internal import NIOPosix
package import RecoveryModel
package import Store
package import ZVRAPI

/// Gives out tokens of this site.
///
/// Keys and ended sessions are in the store, so that tokens outlive a restart. A key signs for
/// thirty days and verifies a day longer, which is longer than any token lives.
package actor TokenIssuer: TokenService {
  /// Seconds, unless the client asks for another time.
  private static let accessLifetime = 300
  /// Seconds a client may ask for: less than the shortest makes clients renew all the time.
  private static let accessLifetimes = 60...3600
  /// Seconds without a renewal, as a session has.
  private static let refreshLifetime = 1800
  /// Seconds from the logon to the last renewal.
  private static let longestSession: Int64 = 10 * 3600
  private static let keyLifetime: Int64 = 30 * 86_400_000
  private static let keyAfterlife: Int64 = 86_400_000

  package nonisolated let issuer: String
  private let store: any Store
  private let roles: RoleBook
  private let now: @Sendable () -> WallTime
  private var state: TokenStateRecord?
  private var signer: TokenSigner?
  /// Compared with where there is no such client, so that the time tells nothing.
  private let decoy: String

  /// `issuer`: The address of the realm.
  ///
  /// Throws if secrets cannot be hashed here.
  package init(
    issuer: String,
    store: any Store,
    roles: RoleBook,
    now: @escaping @Sendable () -> WallTime
  ) throws {
    self.issuer = issuer
    self.store = store
    self.roles = roles
    self.now = now
    decoy = try PasswordHash.make("no client has this secret")
  }

  // MARK: Tokens

  package func begin(
    _ account: Account,
    client: String,
    lifetime: Int?
  ) async throws -> TokenPair {
    let seconds = now().milliseconds / 1000
    return try await pair(
      TokenClaims(
        iss: issuer,
        sub: account.subject,
        preferred_username: account.name,
        role: account.role.rawValue,
        azp: client,
        sid: UUID().uuidString.lowercased(),
        typ: "",
        iat: seconds,
        exp: seconds,
        auth_time: seconds
      ),
      lifetime: lifetime
    )
  }

  package func refresh(
    _ token: String,
    client: String,
    lifetime: Int?
  ) async throws -> TokenPair? {
    guard var claims = await verified(token, type: "Refresh"), claims.azp == client,
      let role = try await roles.currentRole(of: claims.sub)
    else { return nil }
    claims.role = role.rawValue
    claims.iat = now().milliseconds / 1000
    guard claims.iat - claims.auth_time < Self.longestSession else { return nil }
    return try await pair(claims, lifetime: lifetime)
  }

  package func caller(_ token: String) async -> SessionRecord? {
    guard let claims = await verified(token, type: "Bearer"),
      let role = await role(of: claims)
    else { return nil }
    return SessionRecord(
      token: claims.sid,
      user: claims.preferred_username,
      subject: claims.sub,
      role: role
    )
  }

  /// What the token says, for as long as a usual one lives; then the role its user has now.
  private func role(of claims: TokenClaims) async -> Role? {
    let age = now().milliseconds / 1000 - claims.iat
    guard age >= Self.accessLifetime else { return Role(rawValue: claims.role) }
    return try? await roles.currentRole(of: claims.sub)
  }

  package func end(_ session: String) async throws {
    _ = try await currentSigner()
    let now = now()
    guard var changed = state else { return }
    changed.ended = changed.ended.filter { now < $0.value }
    changed.ended[session] = WallTime(
      milliseconds: now.milliseconds + Self.longestSession * 1000
    )
    // Before the write, so that the session ends at once and another that ends meanwhile is kept.
    state = changed
    try await store.save(changed)
  }

  package func publicKeys() async throws -> [[String: String]] {
    try await currentSigner().publicKeys
  }

  private func pair(_ claims: TokenClaims, lifetime: Int?) async throws -> TokenPair {
    let signer = try await currentSigner()
    let access = min(
      max(lifetime ?? Self.accessLifetime, Self.accessLifetimes.lowerBound),
      Self.accessLifetimes.upperBound
    )
    let refresh = max(Self.refreshLifetime, access)
    func token(_ type: String, _ lifetime: Int) async throws -> String {
      var claims = claims
      claims.typ = type
      claims.exp = claims.iat + Int64(lifetime)
      return try await signer.sign(claims)
    }
    return TokenPair(
      access: try await token("Bearer", access),
      accessLifetime: access,
      refresh: try await token("Refresh", refresh),
      refreshLifetime: refresh,
      session: claims.sid
    )
  }

  private func verified(_ token: String, type: String) async -> TokenClaims? {
    guard let signer = try? await currentSigner(), let claims = await signer.verify(token),
      claims.typ == type, claims.iss == issuer, now().milliseconds / 1000 < claims.exp,
      state?.ended[claims.sid] == nil
    else { return nil }
    return claims
  }

  // MARK: Keys

  private func currentSigner() async throws -> TokenSigner {
    if state == nil {
      let kept = try await store.tokenState() ?? TokenStateRecord()
      // Another call may have been first.
      if state == nil { state = kept }
    }
    let now = now()
    var current = state ?? TokenStateRecord()
    if let signer, let last = current.keys.last, isFresh(last, at: now) { return signer }
    if current.keys.last.map({ isFresh($0, at: now) }) != true {
      let oldest = Self.keyLifetime + Self.keyAfterlife
      current.keys.removeAll { now.milliseconds(since: $0.made) >= oldest }
      let key = TokenKey.make(at: now)
      current.keys.append(
        TokenStateRecord.Key(identifier: key.identifier, pem: key.privateKeyPEM, made: key.made)
      )
      // Before the write, so that no other call makes a second key meanwhile.
      state = current
      signer = nil
      do { try await store.save(current) } catch {
        state = nil
        throw error
      }
    }
    let made = try await TokenSigner(
      keys: current.keys.map {
        TokenKey(identifier: $0.identifier, privateKeyPEM: $0.pem, made: $0.made)
      }
    )
    signer = made
    return made
  }

  private func isFresh(_ key: TokenStateRecord.Key, at now: WallTime) -> Bool {
    now.milliseconds(since: key.made) < Self.keyLifetime
  }

  // MARK: Clients

  package func isRegistered(client: String) async throws -> Bool {
    try await store.clients().contains { $0.identifier == client }
  }

  package func authenticate(client: String, secret: String) async -> AuthenticationOutcome {
    do {
      let record = try await store.clients().first { $0.identifier == client }
      let hash = record?.secretHash ?? decoy
      let isRight = try await NIOThreadPool.singleton.runIfActive {
        PasswordHash.verify(secret, against: hash)
      }
      guard isRight, record != nil else { return .refused }
      guard let role = try await roles.role(of: client, in: .client) else {
        return .forbidden("the client \(client) has no role at this site")
      }
      return .accepted(
        Account(name: client, subject: RoleBook.subject(client, in: .client), role: role)
      )
    } catch {
      return .unavailable("the clients cannot be read: \(error)")
    }
  }
}
