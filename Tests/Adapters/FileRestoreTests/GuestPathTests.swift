// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FileRestore

@Suite struct `A path in a guest` {
  @Test func `is absolute and has no step back`() throws {
    #expect(try GuestPath("//vda1/./a b/").text == "/vda1/a b")
    #expect(try GuestPath("/").entry("vda1") == "/vda1")
    for bad in ["", "vda1", "/vda1/../..", "/a\0b", "/" + String(repeating: "x", count: 5000)] {
      #expect(throws: FileRestoreError.self) { try GuestPath(bad) }
    }
  }

  @Test func `is quoted so that no byte means anything to guestfish`() {
    #expect(GuestPath.quoted("/a/b-1_2.c:d") == #""/a/b-1_2.c:d""#)
    #expect(
      GuestPath.quoted("a b\n\"\\|`$é\u{1}")
        == #""a\x20b\x0a\x22\x5c\x7c\x60\x24\xc3\xa9\x01""#
    )
  }
}
