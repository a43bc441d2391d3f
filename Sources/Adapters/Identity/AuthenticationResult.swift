// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What came of checking a user's password.
package enum AuthenticationResult: Sendable, Equatable {
  case success
  /// The user does not exist or the password is another; which of the two is not said.
  case wrongCredentials
  /// The password is right, but the account is expired, locked, or its password has to be changed.
  case accountUnavailable(String)
  /// It could not be checked, in words for an operator.
  case unavailable(String)
}
