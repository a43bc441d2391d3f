// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Decides who may log on, and as what.
package protocol Authenticator: Sendable {
  func authenticate(
    _ credentials: APIRequest.Credentials,
    method: AuthenticationMethod
  ) async -> AuthenticationOutcome
}

/// Whose users are asked.
///
/// Numbers are the API's.
package enum AuthenticationMethod: Int, Sendable {
  /// The operating system's users, and the manager's own.
  case operatingSystem = 0
  /// Users of the hypervisor manager: the manager's own, libvirt's, and the directory's.
  case manager = 1
}

/// How a logon ended.
package enum AuthenticationOutcome: Sendable, Equatable {
  case accepted(Account)
  case refused
  /// The name and password are right, but the account may not log on.
  case forbidden(String)
  /// Nobody can tell at the moment.
  case unavailable(String)
}

/// A user who proved who they are.
package struct Account: Sendable, Equatable {
  /// The name as which the user is known from now on.
  package var name: String
  /// The user among those of all sources, such as `os:alice`.
  package var subject: String
  package var role: Role

  package init(name: String, subject: String, role: Role) {
    self.name = name
    self.subject = subject
    self.role = role
  }
}
