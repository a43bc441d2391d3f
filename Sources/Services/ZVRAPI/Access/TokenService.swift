// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Gives out tokens and knows them again.
package protocol TokenService: Sendable {
  /// `iss` of the tokens.
  var issuer: String { get }
  /// Members of the JSON Web Keys that verify the tokens (RFC 7517).
  func publicKeys() async throws -> [[String: String]]

  /// Tokens of a new session, for a user who proved who they are.
  ///
  /// `lifetime`: For how many seconds the client wants to use the access token; nil does not care.
  func begin(_ account: Account, client: String, lifetime: Int?) async throws -> TokenPair
  /// New tokens of the session of a refresh token; nil if it is none, or no more.
  func refresh(_ token: String, client: String, lifetime: Int?) async throws -> TokenPair?
  /// Who calls with an access token; nil if it is none, or no more.
  func caller(_ token: String) async -> SessionRecord?
  /// Ends a session: its tokens are no more.
  func end(_ session: String) async throws
  /// Whether a program of that name has a secret here.
  func isRegistered(client: String) async throws -> Bool
  /// Checks the secret of a program.
  func authenticate(client: String, secret: String) async -> AuthenticationOutcome
}

/// An access token and the token that renews it.
package struct TokenPair: Sendable {
  package var access: String
  /// Seconds.
  package var accessLifetime: Int
  package var refresh: String
  /// Seconds.
  package var refreshLifetime: Int
  package var session: String

  package init(
    access: String,
    accessLifetime: Int,
    refresh: String,
    refreshLifetime: Int,
    session: String
  ) {
    self.access = access
    self.accessLifetime = accessLifetime
    self.refresh = refresh
    self.refreshLifetime = refreshLifetime
    self.session = session
  }
}
