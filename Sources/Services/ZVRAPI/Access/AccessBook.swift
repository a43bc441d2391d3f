// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What the manager remembers about access: who did what, and what is shown before a logon.
package protocol AccessBook: Sendable {
  /// Keeps an entry.
  ///
  /// It does not fail: what cannot be stored is in the manager's log.
  func note(_ entry: AuditEntry) async
  /// The entries within the bounds, newest first, at most `limit`.
  func entries(from start: WallTime?, to end: WallTime?, limit: Int) async throws -> [AuditEntry]
  func banner() async throws -> LoginBanner
  func setBanner(_ banner: LoginBanner) async throws
  /// The certificate of the site's authority, in PEM.
  var authorityPEM: String { get }
}

/// Something that someone did or tried.
package struct AuditEntry: Sendable, Equatable {
  package var identifier: String
  package var occurred: WallTime
  package var user: String
  /// Empty where nobody was logged on.
  package var role: String
  package var source: String
  /// The method and path of the call.
  package var action: String
  /// The status of the answer.
  package var status: Int
  /// Why it was refused; empty if it was not.
  package var reason: String
  /// Whether it was a logon, which is an event of the site as well.
  package var isLogon: Bool

  package init(
    identifier: String = "",
    occurred: WallTime = WallTime(milliseconds: 0),
    user: String,
    role: String,
    source: String,
    action: String,
    status: Int,
    reason: String,
    isLogon: Bool = false
  ) {
    self.identifier = identifier
    self.occurred = occurred
    self.user = user
    self.role = role
    self.source = source
    self.action = action
    self.status = status
    self.reason = reason
    self.isLogon = isLogon
  }
}

/// What a person is shown before logging on.
package struct LoginBanner: Sendable, Equatable {
  package var isShown: Bool
  package var text: String

  package init(isShown: Bool = false, text: String = "") {
    self.isShown = isShown
    self.text = text
  }
}
