// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Whom a manager logs in as at hosts that ask for it.
///
/// Its text does not have the password, so that no log has.
package struct HypervisorAccount: Sendable, Equatable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  package let user: String
  package let password: String

  package init(user: String, password: String) {
    self.user = user
    self.password = password
  }

  package var description: String { "the account \(user)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}
