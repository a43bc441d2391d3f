// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import ZVRAPI

/// Knows one user by each method.
struct FakeAuthenticator: Authenticator {
  func authenticate(
    _ credentials: APIRequest.Credentials,
    method: AuthenticationMethod
  ) async -> AuthenticationOutcome {
    switch method {
    case .operatingSystem where credentials == .init(user: "root", password: "right"):
      .accepted(Account(name: "root", subject: "os:root", role: .administrator))
    case .manager where credentials == .init(user: "admin", password: "right"):
      .accepted(Account(name: "admin", subject: "manager:admin", role: .administrator))
    case .operatingSystem, .manager: .refused
    }
  }
}
