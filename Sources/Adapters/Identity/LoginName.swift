// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A user name as clients send it: `user`, `DOMAIN\user`, `\user` or `user@domain`.
package struct LoginName: Hashable, Sendable {
  /// The account, without the domain.
  package let account: String
  /// The domain, if one was given; accounts of this system have none.
  package let domain: String?

  /// Reads what a client sent; nil if it names no account that could exist.
  package init?(_ text: String) {
    if let backslash = text.firstIndex(of: "\\") {
      self.init(
        account: text[text.index(after: backslash)...],
        domain: text[..<backslash]
      )
    } else if let at = text.lastIndex(of: "@") {
      self.init(account: text[..<at], domain: text[text.index(after: at)...])
    } else {
      self.init(account: text[...], domain: "")
    }
  }

  private init?(account: Substring, domain: Substring) {
    let isUsable = account.unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 && scalar.value != 0x7F && !"\\/:".unicodeScalars.contains(scalar)
    }
    guard !account.isEmpty, account.utf8.count <= 256, isUsable else { return nil }
    self.account = String(account)
    self.domain = domain.isEmpty ? nil : String(domain)
  }
}
