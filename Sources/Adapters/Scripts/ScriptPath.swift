// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A path below the root of an area, which cannot lead out of it.
package struct ScriptPath: Sendable, Equatable, CustomStringConvertible {
  private static let depthLimit = 16
  private static let nameLimit = 255

  /// Names of folders and, last, of what is meant; none for the root.
  package let names: [String]

  /// Reads a path as clients write it: names joined by slashes, with or without one in front.
  package init(_ text: String) throws(ScriptError) {
    names = text.split(separator: "/").map(String.init)
    guard names.count <= Self.depthLimit else {
      throw .invalid("The path has more than \(Self.depthLimit) parts: \(text)")
    }
    for name in names {
      // A name with a dot in front is ours, or leads out.
      guard !name.hasPrefix("."), name.utf8.count <= Self.nameLimit,
        name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") })
      else {
        throw .invalid(
          "The path \(text) is none of an area of scripts: its parts are joined by /, do not begin "
            + "with a dot, and have no \\ and no control characters."
        )
      }
    }
  }

  init(names: [String]) { self.names = names }

  package var description: String { "/" + names.joined(separator: "/") }
  var isRoot: Bool { names.isEmpty }
  var folder: ScriptPath { ScriptPath(names: names.dropLast()) }
  /// The last name; empty for the root.
  package var name: String { names.last ?? "" }

  func appending(_ name: String) -> ScriptPath { ScriptPath(names: names + [name]) }
}
