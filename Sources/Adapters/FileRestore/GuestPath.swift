// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A path inside a session, absolute and without steps back.
struct GuestPath {
  /// `/` or `/a/b`.
  let text: String

  /// Reads a path as somebody wrote it: repeated slashes count as one.
  init(_ path: String) throws(FileRestoreError) {
    let parts = path.split(separator: "/").filter { $0 != "." }
    guard path.hasPrefix("/"), !parts.contains(".."), !path.utf8.contains(0),
      path.utf8.count <= 4096
    else { throw .invalid("The path must begin with / and have no step back (..).") }
    text = "/" + parts.joined(separator: "/")
  }

  /// The path of an entry of this folder.
  func entry(_ name: String) -> String { text == "/" ? "/" + name : text + "/" + name }

  /// A text as one argument of a guestfish command: every byte that could mean something to
  /// guestfish is written as `\xHH` (guestfish(1), "ESCAPE SEQUENCES IN DOUBLE QUOTED ARGUMENTS").
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"):
        quoted.unicodeScalars.append(UnicodeScalar(byte))
      default:
        quoted += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
      }
    }
    return quoted + "\""
  }
}
