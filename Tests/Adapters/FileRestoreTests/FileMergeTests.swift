// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FileRestore

@Suite struct `The difference of two lists of files` {
  private func record(_ path: String, _ size: UInt64 = 1) -> FileRecord {
    FileRecord(
      path: Array(path.utf8),
      kind: .file,
      mode: 0o644,
      user: 0,
      group: 0,
      byteCount: size,
      modified: .init(seconds: 1),
      changed: .init(seconds: 1)
    )
  }

  private func differences(_ before: [FileRecord], _ after: [FileRecord]) throws -> [FileChange] {
    var (old, new) = (before.makeIterator(), after.makeIterator())
    var merge = FileMerge()
    var found: [FileChange] = []
    while let next = try merge.next(
      before: { () throws(FileRestoreError) in old.next() },
      after: { () throws(FileRestoreError) in new.next() }
    ) { found.append(next) }
    #expect(merge.lookedAtCount == before.count + after.count)
    return found
  }

  @Test func `is each path of one of them alone, and each that is not the same`() throws {
    let found = try differences(
      [record("a"), record("b"), record("d")],
      [record("b", 2), record("c"), record("d"), record("e")]
    )
    #expect(
      found == [
        FileChange(before: record("a"), after: nil),
        FileChange(before: record("b"), after: record("b", 2)),
        FileChange(before: nil, after: record("c")),
        FileChange(before: nil, after: record("e")),
      ]
    )
    #expect(found[1].aspects == [.size])
    #expect(try differences([], []).isEmpty)
    #expect(try differences([record("a")], [record("a")]).isEmpty)
    #expect(try differences([], [record("a")]).count == 1)
  }

  /// `a b`, `a`, `a/b`: a space sorts before a slash, as find's own output does.
  @Test func `holds for names in the order of what is printed`() throws {
    let names = ["a b", "a", "a-", "a/b", "a0"].map { record($0) }
    let sorted = names.sorted { $0.precedes($1) }
    #expect(
      sorted.map { String(decoding: $0.path, as: UTF8.self) } == ["a b", "a-", "a", "a/b", "a0"]
    )
    #expect(try differences(sorted, sorted).isEmpty)
    for index in sorted.indices {
      var fewer = sorted
      let taken = fewer.remove(at: index)
      #expect(try differences(sorted, fewer) == [FileChange(before: taken, after: nil)])
    }
  }

  @Test func `leaves out what a folder's entries say, and tells an inode that was written`() {
    var (before, after) = (record("x"), record("x"))
    after.changed.nanoseconds = 1
    #expect(FileChange(before: before, after: after).aspects == [.changed])
    (before.kind, after.kind) = (.folder, .folder)
    after.byteCount = 4096
    #expect(FileChange(before: before, after: after).aspects.isEmpty)
    after.mode = 0o700
    #expect(FileChange(before: before, after: after).aspects == [.mode])
    after.kind = .link
    #expect(FileChange(before: before, after: after).aspects == [.kind])
  }

  @Test func `is of records that find printed, whatever their names are`() throws {
    let printed = #"a b/c//l 777 1000 4294967294 9 -5.5000000000 1795954415.123456789 to // it"#
    let record = try #require(FileRecord(printed: Array(printed.utf8)))
    #expect(record.path == Array("a b/c".utf8))
    #expect(record.kind == .link)
    #expect(record.mode == 0o777)
    #expect(record.user == 1000)
    #expect(record.group == 4_294_967_294)
    #expect(record.byteCount == 9)
    #expect(record.modified == .init(seconds: -5, nanoseconds: 500_000_000))
    #expect(record.changed == .init(seconds: 1_795_954_415, nanoseconds: 123_456_789))
    #expect(record.linkTarget == Array("to // it".utf8))
    for wrong in [
      "", "a", "a//", "a//f 644 0 0 1 1.0", "a//f x 0 0 1 1.0 1.0 ", "a/f 644 0 0 1 1 1 ",
    ] {
      #expect(FileRecord(printed: Array(wrong.utf8)) == nil, "\(wrong)")
    }
  }
}
