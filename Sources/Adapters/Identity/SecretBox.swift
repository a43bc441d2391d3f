// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
package import Foundation

/// Seals what a manager keeps in its database and nobody is to read there.
///
/// AES-256-GCM. The key comes from the key of the site's authority, a file that is its owner's
/// alone; whoever has the database without it has nothing.
package struct SecretBox: Sendable {
  private let key: SymmetricKey

  /// `secret` is hard to guess.
  package init(secret: Data) {
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: secret),
      info: Data("understudy secrets".utf8),
      outputByteCount: 32
    )
  }

  /// Seals a text, bound to what it belongs to; the result is text too.
  package func seal(_ text: String, for owner: String) throws(IdentityError) -> String {
    do {
      let box = try AES.GCM.seal(Data(text.utf8), using: key, authenticating: Data(owner.utf8))
      guard let combined = box.combined else { throw IdentityError.malformed("no sealed box") }
      return combined.base64EncodedString()
    } catch { throw .malformed("a secret cannot be sealed: \(error)") }
  }

  /// Opens what was sealed for the same owner.
  package func open(_ sealed: String, for owner: String) throws(IdentityError) -> String {
    do {
      let box = try AES.GCM.SealedBox(combined: Data(base64Encoded: sealed) ?? Data())
      let data = try AES.GCM.open(box, using: key, authenticating: Data(owner.utf8))
      return String(decoding: data, as: UTF8.self)
    } catch {
      throw .malformed("a secret was sealed with the key of another authority, or is damaged")
    }
  }

  /// A password that nobody guesses, of 32 letters and digits.
  package static func newPassword() -> String {
    let letters = Array("abcdefghijkmnopqrstuvwxyz23456789")
    return String((0..<32).compactMap { _ in letters.randomElement() })
  }
}

extension SiteAuthority {
  /// What seals the secrets that this site's manager keeps.
  package func secretBox() throws(IdentityError) -> SecretBox {
    SecretBox(secret: Data(try keyPEM().utf8))
  }
}
