// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The rules of the tree.
///
/// Each returns what is wrong with a file, in words; nothing if all is well.
enum Rules {
  /// Tiers from the top down.
  ///
  /// A target may name targets of its own tier and of those below.
  static let tiers = ["Services", "Adapters", "Core"]

  /// Targets only the executable and the tests may name: what they implement is behind a
  /// protocol.
  static let behindProtocols: Set<String> = ["LibvirtHypervisor", "SQLiteStore", "PostgresStore"]

  /// What pure logic may use beside the standard library.
  static let allowedInCore: Set<String> = ["Synchronization", "CChecksum"]

  static func arrowsPointDown(_ file: SourceFile, tiers owned: [String: Set<String>]) -> [String] {
    guard file.path.hasPrefix("Sources/"), let level = tiers.firstIndex(of: file.tier) else {
      return []
    }
    let above = tiers[..<level].reduce(into: Set<String>()) { $0.formUnion(owned[$1] ?? []) }
    return file.imports.filter(above.contains).map {
      "\(file.path) imports \($0), which is above it"
    }
  }

  static func implementationsStayHidden(_ file: SourceFile) -> [String] {
    guard file.path.hasPrefix("Sources/"), !file.path.hasPrefix("Sources/understudy/") else {
      return []
    }
    return file.imports.filter { behindProtocols.contains($0) && $0 != file.target }.map {
      "\(file.path) imports \($0); only the executable may"
    }
  }

  static func coreIsPure(_ file: SourceFile, coreTargets: Set<String>) -> [String] {
    guard file.path.hasPrefix("Sources/Core/") else { return [] }
    return file.imports.filter { !allowedInCore.contains($0) && !coreTargets.contains($0) }.map {
      "\(file.path) imports \($0); Core has no system, clock or network"
    }
  }

  static func headIsThere(_ file: SourceFile) -> [String] {
    let head = [
      "// Copyright the Understudy authors", "// SPDX-License-Identifier: Apache-2.0",
    ]
    return Array(file.lines.prefix(2)) == head ? [] : ["\(file.path) lacks the two-line head"]
  }

  static func sizeIsReadable(_ file: SourceFile) -> [String] {
    file.lines.count <= 600
      ? [] : ["\(file.path) has \(file.lines.count) lines; 600 is the limit"]
  }

  static func linesFit(_ file: SourceFile) -> [String] {
    file.lines.enumerated().filter { $0.element.count > 100 }.map {
      "\(file.path):\($0.offset + 1) is longer than 100 columns"
    }
  }

  static func nothingIsLeftOpen(_ file: SourceFile) -> [String] {
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:"]
    return file.lines.enumerated().filter { line in
      words.contains { line.element.contains($0) }
    }.map { "\(file.path):\($0.offset + 1) leaves something open" }
  }
}
