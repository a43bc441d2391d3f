// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import FoundationXML

/// An XML element as a value: what of XML libvirt's descriptions need, to read, change and write
/// them.
///
/// Text between child elements is not kept in its place; libvirt has none.
struct XMLTree: Equatable, Sendable {
  var name: String
  var attributes: [String: String]
  var children: [XMLTree]
  var text: String

  init(
    _ name: String,
    _ attributes: [String: String] = [:],
    text: String = "",
    _ children: [XMLTree] = []
  ) {
    self.name = name
    self.attributes = attributes
    self.children = children
    self.text = text
  }

  init(_ name: String, _ children: [XMLTree]) { self.init(name, [:], children) }

  /// Reads a document; nil if it is not well-formed.
  init?(parsing document: String) {
    let builder = Builder()
    let parser = XMLParser(data: Data(document.utf8))
    parser.delegate = builder
    guard parser.parse(), let root = builder.root else { return nil }
    self = root
  }

  /// The first child of that name.
  subscript(_ name: String) -> XMLTree? { children.first { $0.name == name } }

  /// Every child of that name.
  func all(_ name: String) -> [XMLTree] { children.filter { $0.name == name } }

  /// The document text, with everything escaped that must be.
  var document: String {
    let list = attributes.sorted { $0.key < $1.key }
      .map { " \($0.key)='\(Self.escaped($0.value))'" }.joined()
    guard !children.isEmpty || !text.isEmpty else { return "<\(name)\(list)/>" }
    let content = Self.escaped(text) + children.map(\.document).joined()
    return "<\(name)\(list)>\(content)</\(name)>"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "'": result += "&apos;"
      case "\"": result += "&quot;"
      case "\n", "\t", "\r": result += "&#\(character.value);"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  /// Collects the parser's calls into a tree.
  private final class Builder: NSObject, XMLParserDelegate {
    var root: XMLTree?
    private var open: [XMLTree] = []

    func parser(
      _ parser: XMLParser,
      didStartElement name: String,
      namespaceURI: String?,
      qualifiedName: String?,
      attributes: [String: String]
    ) {
      open.append(XMLTree(name, attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      if !open.isEmpty { open[open.count - 1].text += string }
    }

    func parser(
      _ parser: XMLParser,
      didEndElement name: String,
      namespaceURI: String?,
      qualifiedName: String?
    ) {
      var element = open.removeLast()
      let plain = element.text.trimmingCharacters(in: .whitespacesAndNewlines)
      // Between children it is the layout; alone it is what somebody wrote.
      if !element.children.isEmpty || plain.isEmpty { element.text = plain }
      if open.isEmpty {
        root = element
      } else {
        open[open.count - 1].children.append(element)
      }
    }
  }
}
