// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Hypervisor

/// Whom the manager logs in as at its hosts, as its configuration says it.
package struct ConfiguredAccount: Codable, Sendable, Equatable {
  package var user: String
  /// A file that is its owner's alone; its first line is the password.
  package var passwordFile: String

  package init(user: String, passwordFile: String) {
    self.user = user
    self.passwordFile = passwordFile
  }

  /// The account, with its password.
  package func account() throws(ManagerConfigurationError) -> HypervisorAccount {
    guard !user.isEmpty else { throw .badAccount(reason: "user is empty") }
    let attributes = try? FileManager.default.attributesOfItem(atPath: passwordFile)
    guard let mode = attributes?[.posixPermissions] as? Int,
      let text = try? String(contentsOfFile: passwordFile, encoding: .utf8)
    else { throw .badAccount(reason: "\(passwordFile) cannot be read") }
    guard mode & 0o077 == 0 else {
      throw .badAccount(reason: "\(passwordFile) must be its owner's alone (chmod 600)")
    }
    guard let password = text.split(whereSeparator: \.isNewline).first else {
      throw .badAccount(reason: "\(passwordFile) is empty")
    }
    return HypervisorAccount(user: user, password: String(password))
  }
}
