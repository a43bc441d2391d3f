// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Every entry below a folder, in the order of their paths as bytes, as it comes out of the virtual
/// machine.
///
/// The session is busy until it is read to its end or closed. One call at a time.
package final class FileWalk: Sendable {
  private let content: FileContent
  /// What has come and is not given out.
  private let rest = Mutex<ArraySlice<UInt8>>([])

  init(_ content: FileContent) { self.content = content }

  /// The next entry; nil at the end.
  package func next() throws(FileRestoreError) -> FileRecord? {
    try rest.withLock { rest throws(FileRestoreError) in
      while true {
        if let end = rest.firstIndex(of: 0) {
          let printed = rest[..<end]
          rest = rest[(end + 1)...]
          guard let record = FileRecord(printed: printed) else {
            throw .failed("what find says of an entry cannot be read")
          }
          return record
        }
        guard let more = try content.next() else {
          guard rest.isEmpty else { throw .failed("the list of files ends within an entry") }
          return nil
        }
        rest = rest.isEmpty ? more[...] : ArraySlice(Array(rest) + more)
      }
    }
  }

  package func close() { content.close() }
}

extension FileReader {
  /// A file system may be large, and its disk slow.
  private static let walkLimit = Duration.seconds(1800)
  /// Where the virtual machine keeps the list until it is read.
  private static let list = ".understudy-walk"

  /// The folder a text names, written the one way.
  ///
  /// - Throws: `invalid` in words if it is no path.
  package static func folder(_ text: String) throws(FileRestoreError) -> String {
    try GuestPath(text).text
  }

  /// Lists everything below a folder, of its own file system alone.
  ///
  /// The list is made and sorted inside the virtual machine, in one go: asking for each entry would
  /// take a call of some milliseconds for each. libguestfs calls the way to do so one for
  /// debugging; what it prints is read strictly.
  ///
  /// - Throws: Not found if there is no such folder; a failure if a part of it cannot be read.
  package func walk(_ folder: String) throws(FileRestoreError) -> FileWalk {
    let path = try GuestPath(folder)
    guard try list(path.text, first: 0, count: 0).folder.kind == .folder else {
      throw .invalid("\(path.text) is not a folder.")
    }
    // Every byte of a path is written as a number, so that none means anything to the shell.
    let place = ("/sysroot" + path.text).utf8
      .map { "\\\\0" + String($0, radix: 8) }.joined()
    let list = "/sysroot/" + Self.list
    let script =
      "cd \"$(printf \"%b\" \"\(place)\")/.\" && find . -xdev -mindepth 1 -printf "
      + "\"\(FileRecord.format.replacing(#"\"#, with: #"\\"#))\" >\(list)"
      + " && LC_ALL=C sort -z -o \(list) \(list)"
    return FileWalk(
      try made(
        by: "debug sh \(GuestPath.quoted("'\(script)'"))",
        at: "/\(Self.list)",
        limit: Self.walkLimit
      )
    )
  }
}
