// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APIService {
  /// Lets a user prove who they are, with those who guess slowed down.
  ///
  /// `methods` are tried one after the other.
  ///
  /// - Throws: ``APIError`` with 401 for wrong credentials and too many tries, 403 for a user who
  ///   may not log on, 503 where nobody can tell.
  func logOn(
    _ credentials: APIRequest.Credentials,
    from source: String,
    methods: [AuthenticationMethod]
  ) async throws -> Account {
    try await slowed(user: credentials.user, source: source) {
      var outcome = AuthenticationOutcome.refused
      for method in methods where outcome == .refused {
        outcome = await authenticator.authenticate(credentials, method: method)
      }
      return outcome
    }
  }

  /// The same for a program with a secret.
  func logOn(
    client: String,
    secret: String,
    from source: String,
    tokens: any TokenService
  ) async throws -> Account {
    try await slowed(user: "client:\(client)", source: source) {
      await tokens.authenticate(client: client, secret: secret)
    }
  }

  /// Lets a program with a secret prove that it is the one that speaks for its user, who has yet
  /// to log on; so it needs no role of its own.
  func prove(
    client: String,
    secret: String?,
    from source: String,
    tokens: any TokenService
  ) async throws {
    let user = "client:\(client)"
    do {
      guard let secret else {
        throw APIError(status: 401, message: "the client \(client) has to send its secret")
      }
      _ = try await proven(LogonThrottle.Suspect(user: user.lowercased(), source: source)) {
        await tokens.authenticate(client: client, secret: secret)
      }
    } catch let error as APIError where error.status != 403 {
      await noteLogon(user: user, role: nil, source: source, refusal: error)
      throw error
    } catch is APIError {}
  }

  private func slowed(
    user: String,
    source: String,
    _ authenticate: () async -> AuthenticationOutcome
  ) async throws -> Account {
    let suspect = LogonThrottle.Suspect(user: user.lowercased(), source: source)
    do {
      let account = try await proven(suspect, authenticate)
      await noteLogon(user: account.name, role: account.role, source: source, refusal: nil)
      return account
    } catch let error as APIError {
      await noteLogon(user: user, role: nil, source: source, refusal: error)
      throw error
    }
  }

  private func proven(
    _ suspect: LogonThrottle.Suspect,
    _ authenticate: () async -> AuthenticationOutcome
  ) async throws -> Account {
    guard let wait = await throttle.wait(for: suspect) else {
      throw APIError(status: 401, message: "too many wrong passwords: try again later")
    }
    if wait > .zero { try await Task.sleep(for: wait) }
    switch await authenticate() {
    case .accepted(let account):
      await throttle.succeeded(suspect)
      return account
    case .refused:
      await throttle.failed(suspect)
      throw APIError(status: 401, message: "the name or the password is wrong")
    case .forbidden(let reason): throw APIError(status: 403, message: reason)
    case .unavailable(let reason): throw APIError(status: 503, message: reason)
    }
  }
}
