// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import Testing

@Suite struct LoginNameTests {
  @Test(arguments: [
    ("admin", "admin", nil), ("\\admin", "admin", nil), ("CORP\\admin", "admin", "CORP"),
    ("admin@corp.example", "admin", "corp.example"), ("a@b@corp", "a@b", "corp"),
    ("CORP\\a@b", "a@b", "CORP"), ("admin@", "admin", nil),
  ])
  func `the account is found in every form clients send`(
    text: String,
    account: String,
    domain: String?
  ) {
    let name = LoginName(text)
    #expect(name?.account == account)
    #expect(name?.domain == domain)
  }

  @Test(arguments: ["", "\\", "CORP\\", "@corp", "a\u{0}b", "../etc", "a:b", "A\\B\\c", "a\nb"])
  func `a text without a usable account is refused`(text: String) {
    #expect(LoginName(text) == nil)
  }
}
