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
  /// The name as which the user is known from now on, and the role.
  case accepted(user: String, role: Role)
  case refused
  /// The name and password are right, but the account may not log on.
  case forbidden(String)
  /// Nobody can tell at the moment.
  case unavailable(String)
}
