// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CCrypt
internal import Glibc

/// Hashes of passwords that the manager keeps itself: yescrypt, salted, in crypt(5)'s text form.
///
/// Both operations take about a tenth of a second of one core and 16 MiB, which is their purpose.
package enum PasswordHash {
  /// crypt(3) takes no longer passphrase.
  private static let byteLimit = 511

  /// Hashes a new password with a random salt of its own.
  ///
  /// - Throws: ``IdentityError/unusablePassword``, ``IdentityError/hashingUnavailable``.
  package static func make(_ password: String) throws(IdentityError) -> String {
    guard isUsable(password) else { throw .unusablePassword }
    guard let salt = crypt_gensalt_ra("$y$", 0, nil, 0) else { throw .hashingUnavailable }
    defer { free(salt) }
    guard let hash = crypt(password, setting: String(cString: salt)), hash.hasPrefix("$y$") else {
      throw .hashingUnavailable
    }
    return hash
  }

  /// Tells whether a password is the one that was hashed.
  package static func verify(_ password: String, against hash: String) -> Bool {
    guard isUsable(password), let made = crypt(password, setting: hash) else { return false }
    return ConstantTime.areEqual(Array(made.utf8), Array(hash.utf8))
  }

  private static func isUsable(_ password: String) -> Bool {
    let bytes = password.utf8
    return !bytes.isEmpty && bytes.count <= byteLimit && !bytes.contains(0)
  }

  /// crypt(3) in its reentrant form; nil where it fails, which its text says with an asterisk.
  private static func crypt(_ password: String, setting: String) -> String? {
    var memory: UnsafeMutableRawPointer?
    var byteCount: Int32 = 0
    defer { free(memory) }
    guard let result = crypt_ra(password, setting, &memory, &byteCount) else { return nil }
    let text = String(cString: result)
    return text.hasPrefix("*") ? nil : text
  }
}
