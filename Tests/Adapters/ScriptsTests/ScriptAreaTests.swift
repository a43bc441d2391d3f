// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Scripts

@Suite struct ScriptAreaTests {
  let bench: ScriptBench
  var area: ScriptArea { bench.folders.repository }

  init() throws { bench = try ScriptBench() }

  private func path(_ text: String) throws -> ScriptPath { try ScriptPath(text) }

  @Test func `files and folders are kept, listed by pattern, read and deleted`() throws {
    try area.makeFolder(path("/dns"))
    try area.write([1, 2], to: path("dns/a.sh"), overwrites: false)
    try area.write([3], to: path("/b.PS1"), overwrites: false)
    let items = try area.items(in: path(""), matching: nil)
    #expect(items.map(\.path.description) == ["/b.PS1", "/dns"])
    #expect(items.map(\.isFolder) == [false, true])
    #expect(try area.items(in: path("/"), matching: "*.ps1").map(\.path.name) == ["b.PS1"])
    #expect(try area.read(path("/dns/a.sh")) == [1, 2])
    #expect(throws: ScriptError.self) { try area.removeFolder(path("dns"), withContent: false) }
    try area.removeFolder(path("dns"), withContent: true)
    try area.removeFile(path("b.PS1"))
    #expect(try area.items(in: path("/"), matching: nil).isEmpty)
  }

  @Test func `a file is replaced only if that was asked for`() throws {
    try area.write([1], to: path("a"), overwrites: false)
    #expect(throws: ScriptError.self) { try area.write([2], to: path("a"), overwrites: false) }
    #expect(try area.read(path("a")) == [1])
    try area.write([2], to: path("a"), overwrites: true)
    #expect(try area.read(path("a")) == [2])
    let names = try FileManager.default.contentsOfDirectory(atPath: area.root)
    #expect(names == ["a"], "a draft was left")
  }

  @Test(arguments: [
    "..", "../x", "a/../../x", "/a/./b", ".hidden", "a\\..\\b", "a\0b", "a\nb",
    String(repeating: "a/", count: 17), String(repeating: "a", count: 256),
  ])
  func `a path that could lead out, or be mistaken, is refused`(text: String) {
    #expect(throws: ScriptError.self) { try ScriptPath(text) }
  }

  @Test func `a symbolic link leads nowhere`() throws {
    let outside = bench.folder + "/outside"
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try Data([1]).write(to: URL(filePath: outside + "/secret"))
    try FileManager.default.createSymbolicLink(
      atPath: area.root + "/link",
      withDestinationPath: outside
    )
    try FileManager.default.createSymbolicLink(
      atPath: area.root + "/file",
      withDestinationPath: outside + "/secret"
    )
    #expect(throws: ScriptError.self) { try area.read(path("link/secret")) }
    #expect(throws: ScriptError.self) { try area.read(path("file")) }
    #expect(throws: ScriptError.self) { try area.items(in: path("link"), matching: nil) }
    #expect(throws: ScriptError.self) { try area.write([2], to: path("link/n"), overwrites: true) }
    #expect(throws: ScriptError.self) { try area.write([2], to: path("file"), overwrites: true) }
    #expect(throws: ScriptError.self) { try area.removeFile(path("link/secret")) }
    #expect(throws: ScriptError.self) { try area.makeFolder(path("link/n")) }
    try area.makeFolder(path("f"))
    try FileManager.default.createSymbolicLink(
      atPath: area.root + "/f/link",
      withDestinationPath: outside
    )
    try area.removeFolder(path("f"), withContent: true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["secret"])
  }

  @Test func `an area takes no more than its limits`() throws {
    let small = ScriptArea(
      root: area.root,
      limits: ScriptArea.Limits(fileByteCount: 10, byteCount: 15, itemCount: 3)
    )
    let big = [UInt8](repeating: 0, count: 11)
    #expect(throws: ScriptError.self) { try small.write(big, to: path("a"), overwrites: false) }
    try small.write(Array(big.dropLast()), to: path("a"), overwrites: false)
    #expect(throws: ScriptError.self) {
      try small.write(Array(big.dropLast()), to: path("b"), overwrites: false)
    }
    try small.makeFolder(path("c"))
    try small.makeFolder(path("d"))
    #expect(throws: ScriptError.self) { try small.makeFolder(path("e")) }
  }

  @Test func `what an earlier manager left of runs is removed`() throws {
    let left = bench.folders.runs + "/x"
    try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
    _ = try ScriptFolders(path: bench.folder)
    #expect(!FileManager.default.fileExists(atPath: left))
  }

  @Test func `a quote without its end is refused`() {
    #expect(throws: ScriptError.self) { try ScriptParameters.read("a 'b", variables: []) }
  }
}
