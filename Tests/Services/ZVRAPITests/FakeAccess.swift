// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel

@testable import ZVRAPI

/// What a manager remembers about access, in memory.
actor FakeBook: AccessBook {
  nonisolated let authorityPEM = "-----BEGIN CERTIFICATE-----\n"
  private var noted: [AuditEntry] = []
  private var shown = LoginBanner()

  func note(_ entry: AuditEntry) { noted.insert(entry, at: 0) }

  func entries(from start: WallTime?, to end: WallTime?, limit: Int) -> [AuditEntry] {
    Array(noted.prefix(limit))
  }

  func banner() -> LoginBanner { shown }

  func setBanner(_ banner: LoginBanner) { shown = banner }
}

/// Tokens that say what they are.
struct FakeTokens: TokenService {
  let issuer = "https://zvm.example/auth/realms/zerto"

  func publicKeys() -> [[String: String]] { [["kid": "1", "kty": "EC"]] }

  func begin(_ account: Account, client: String, lifetime: Int?) -> TokenPair {
    TokenPair(
      access: "access",
      accessLifetime: 300,
      refresh: "refresh",
      refreshLifetime: 1800,
      session: "session"
    )
  }

  func refresh(_ token: String, client: String, lifetime: Int?) -> TokenPair? { nil }

  func caller(_ token: String) -> SessionRecord? {
    guard token == "access" else { return nil }
    return SessionRecord(
      token: "session",
      user: "root",
      subject: "os:root",
      role: .administrator
    )
  }

  func end(_ session: String) {}

  func isRegistered(client: String) -> Bool { false }

  func authenticate(client: String, secret: String) -> AuthenticationOutcome { .refused }
}
