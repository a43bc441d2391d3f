// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension XMLTree {
  /// Changes every child of that name; one for which `body` gives nil is removed.
  mutating func change(_ name: String, _ body: (XMLTree) -> XMLTree?) {
    children = children.compactMap { $0.name == name ? body($0) : $0 }
  }

  /// The same without children of these names.
  func without(_ names: String...) -> XMLTree {
    var tree = self
    tree.children.removeAll { names.contains($0.name) }
    return tree
  }

  /// The same with these attributes set, or removed where the value is nil.
  func with(_ changes: [String: String?]) -> XMLTree {
    var tree = self
    for (name, value) in changes { tree.attributes[name] = value }
    return tree
  }

  /// The same; nil if there is nothing in it.
  var unlessEmpty: XMLTree? {
    attributes.isEmpty && children.isEmpty && text.isEmpty ? nil : self
  }
}
