// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import Testing

@Suite struct PasswordHashTests {
  @Test func `only the same password matches its hash`() throws {
    let hash = try PasswordHash.make("correct horse")
    #expect(hash.hasPrefix("$y$"))
    #expect(PasswordHash.verify("correct horse", against: hash))
    #expect(!PasswordHash.verify("correct horsE", against: hash))
    #expect(!PasswordHash.verify("", against: hash))
    #expect(!PasswordHash.verify("correct horse\u{0}x", against: hash))
  }

  @Test func `the same password never has the same hash`() throws {
    #expect(try PasswordHash.make("secret") != PasswordHash.make("secret"))
  }

  @Test(arguments: ["", "*0", "$y$", "x", "$y$j9T$", "plain"])
  func `what is no hash matches nothing`(hash: String) {
    #expect(!PasswordHash.verify("plain", against: hash))
  }

  @Test(arguments: ["", "a\u{0}b", String(repeating: "x", count: 512)])
  func `an unusable password is not hashed`(password: String) {
    #expect(throws: IdentityError.unusablePassword) { try PasswordHash.make(password) }
  }
}
