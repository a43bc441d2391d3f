// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct TidyTests {
  @Test func `arrows point down`() throws {
    let tiers = try Checkout.tiers()
    #expect(try Checkout.swiftFiles().flatMap { Rules.arrowsPointDown($0, tiers: tiers) } == [])
  }

  @Test func `only the executable names what is behind a protocol`() throws {
    #expect(try Checkout.swiftFiles().flatMap(Rules.implementationsStayHidden) == [])
  }

  @Test func `core is pure logic`() throws {
    let core = try Checkout.tiers()["Core"] ?? []
    #expect(try Checkout.swiftFiles().flatMap { Rules.coreIsPure($0, coreTargets: core) } == [])
  }

  @Test func `every file says its licence and fits a reader`() throws {
    let files = try Checkout.swiftFiles()
    #expect(files.count > 50, "the tree was not found")
    #expect(files.flatMap(Rules.headIsThere) == [])
    #expect(files.flatMap(Rules.sizeIsReadable) == [])
    #expect(files.flatMap(Rules.linesFit) == [])
    #expect(files.flatMap(Rules.nothingIsLeftOpen) == [])
  }
}

/// Each rule must be able to fail.
@Suite struct RulesCanFail {
  static let tiers: [String: Set<String>] = [
    "Core": ["Journal"], "Adapters": ["Identity"], "Services": ["Appliance"],
  ]

  static func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test(arguments: [
    "import Identity", "package import Identity", "internal import struct Identity.TrustStore",
    "@preconcurrency import Appliance",
  ])
  func `an arrow that points up is found`(line: String) {
    let file = Self.file("Sources/Core/Journal/A.swift", line)
    #expect(Rules.arrowsPointDown(file, tiers: Self.tiers).count == 1)
  }

  @Test func `an arrow that points down is fine`() {
    let file = Self.file("Sources/Services/Appliance/A.swift", "internal import Journal")
    #expect(Rules.arrowsPointDown(file, tiers: Self.tiers) == [])
  }

  @Test func `a service that names libvirt is found`() {
    let file = Self.file("Sources/Services/Manager/A.swift", "import LibvirtHypervisor")
    #expect(Rules.implementationsStayHidden(file).count == 1)
    let executable = Self.file("Sources/understudy/A.swift", "import LibvirtHypervisor")
    #expect(Rules.implementationsStayHidden(executable) == [])
  }

  @Test func `a system library in core is found`() {
    let file = Self.file("Sources/Core/Journal/A.swift", "internal import Glibc")
    #expect(Rules.coreIsPure(file, coreTargets: ["Journal"]).count == 1)
  }

  @Test func `a missing head, a long line, a long file and an open end are found`() {
    let word = "TO" + "DO"
    let file = Self.file("Sources/A.swift", "let a = 1  // \(word)\n")
    #expect(Rules.headIsThere(file).count == 1)
    #expect(Rules.nothingIsLeftOpen(file).count == 1)
    let long = Self.file("Sources/A.swift", String(repeating: "x", count: 101))
    #expect(Rules.linesFit(long).count == 1)
    let tall = Self.file("Sources/A.swift", String(repeating: "x\n", count: 601))
    #expect(Rules.sizeIsReadable(tall).count == 1)
  }
}
