// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A user of the manager's own.
package struct UserRecord: Codable, Sendable, Equatable {
  package var name: String
  /// As crypt(3) writes it.
  package var passwordHash: String

  package init(name: String, passwordHash: String) {
    self.name = name
    self.passwordHash = passwordHash
  }
}

/// A role given to someone; what the texts mean is the manager's business.
package struct RoleRecord: Codable, Sendable, Equatable {
  package var subject: String
  package var role: String

  package init(subject: String, role: String) {
    self.subject = subject
    self.role = role
  }
}

/// A program that logs on by a secret.
package struct ClientRecord: Codable, Sendable, Equatable {
  package var identifier: String
  /// As crypt(3) writes it.
  package var secretHash: String

  package init(identifier: String, secretHash: String) {
    self.identifier = identifier
    self.secretHash = secretHash
  }
}

/// The keys that sign tokens, the newest last, and the sessions that were ended before their time.
package struct TokenStateRecord: Codable, Sendable, Equatable {
  package var keys: [Key] = []
  /// Until when tokens of an ended session could be valid, by session.
  package var ended: [String: WallTime] = [:]

  package init() {}

  /// A private key in PEM.
  package struct Key: Codable, Sendable, Equatable {
    package var identifier: String
    package var pem: String
    package var made: WallTime

    package init(identifier: String, pem: String, made: WallTime) {
      self.identifier = identifier
      self.pem = pem
      self.made = made
    }
  }
}

/// What a person is shown before logging on.
package struct LoginBannerRecord: Codable, Sendable, Equatable {
  package var isShown: Bool
  package var text: String

  package init(isShown: Bool, text: String) {
    self.isShown = isShown
    self.text = text
  }
}

/// Something that someone did or tried.
package struct AuditRecord: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  package var identifier: String
  package var occurred: WallTime
  /// The name as it came, where it was not proven.
  package var user: String
  /// Empty where nobody was logged on.
  package var role: String
  /// The address of the caller; empty for the machine itself.
  package var source: String
  /// What was done: the method and path of a call, or a command.
  package var action: String
  /// The status of the answer, as HTTP counts.
  package var status: Int
  /// Why it was refused; empty if it was not.
  package var reason: String

  package init(
    identifier: String,
    occurred: WallTime,
    user: String,
    role: String,
    source: String,
    action: String,
    status: Int,
    reason: String
  ) {
    self.identifier = identifier
    self.occurred = occurred
    self.user = user
    self.role = role
    self.source = source
    self.action = action
    self.status = status
    self.reason = reason
  }
}
