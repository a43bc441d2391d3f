// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import Testing

@Suite struct SecretBoxTests {
  @Test func `a secret is opened by its key, for its owner, and as it was sealed`() throws {
    let box = SecretBox(secret: Data("key".utf8))
    let sealed = try box.seal("nobody knows", for: "a")
    #expect(!sealed.contains("nobody"))
    #expect(try box.open(sealed, for: "a") == "nobody knows")
    #expect(try box.seal("nobody knows", for: "a") != sealed)
    #expect(throws: IdentityError.self) { try box.open(sealed, for: "b") }
    #expect(throws: IdentityError.self) { try box.open(String(sealed.dropFirst()), for: "a") }
    let other = SecretBox(secret: Data("other".utf8))
    #expect(throws: IdentityError.self) { try other.open(sealed, for: "a") }
    #expect(SecretBox.newPassword().count == 32)
    #expect(SecretBox.newPassword() != SecretBox.newPassword())
  }
}
