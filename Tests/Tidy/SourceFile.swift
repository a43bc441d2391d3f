// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A Swift file of the tree, as the rules see it.
struct SourceFile {
  /// From the top of the tree, such as `Sources/Core/Journal/Segment.swift`.
  var path: String
  var lines: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" { lines.removeLast() }
  }

  /// The folder under `Sources` or `Tests`, such as `Core`.
  var tier: String { component(1) }

  /// The target's folder under the tier.
  var target: String { component(2) }

  /// The modules the file imports.
  var imports: [String] {
    lines.compactMap { line in
      let words = line.split(separator: " ")
      guard let place = words.firstIndex(of: "import"), place <= 2, place + 1 < words.count,
        words[..<place].allSatisfy({ Self.importModifiers.contains(String($0)) })
      else { return nil }
      let kind = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
      let name = kind.contains(String(words[place + 1])) ? words.last : words[place + 1]
      return name.map { String($0.split(separator: ".")[0]) }
    }
  }

  private static let importModifiers: Set<String> = [
    "package", "internal", "private", "fileprivate", "@preconcurrency", "@testable",
  ]

  private func component(_ index: Int) -> String {
    let parts = path.split(separator: "/")
    return index < parts.count ? String(parts[index]) : ""
  }
}

/// The files of this checkout.
enum Checkout {
  static let top = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file of ours.
  static func swiftFiles() throws -> [SourceFile] {
    try ["Sources", "Tests", "Benchmarks/Sources"].flatMap { folder in
      let found = FileManager.default.enumerator(atPath: top.appending(path: folder).path())
      let names = (found?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".swift") }
      return try names.sorted().map { name in
        let url = top.appending(path: folder).appending(path: name)
        return SourceFile(
          path: "\(folder)/\(name)",
          text: try String(contentsOf: url, encoding: .utf8)
        )
      }
    }
  }

  /// The targets of each tier, from the folders.
  static func tiers() throws -> [String: Set<String>] {
    var tiers: [String: Set<String>] = [:]
    for tier in ["Core", "Adapters", "Services"] {
      let folder = top.appending(path: "Sources/\(tier)").path()
      tiers[tier] = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
    }
    return tiers
  }
}
