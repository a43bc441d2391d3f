// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import FoundationXML

@testable import ZVRAPI

/// An element of an XML answer, read by a parser that knows nothing of the API.
final class Element: NSObject, XMLParserDelegate {
  let name: String
  let attributes: [String: String]
  private(set) var text = ""
  private(set) var children: [Element] = []

  private init(_ name: String, _ attributes: [String: String]) {
    self.name = name
    self.attributes = attributes
  }

  /// The root of a document; nil if it is not well-formed.
  static func root(of document: [UInt8]) -> Element? {
    let outside = Element("", [:])
    let parser = XMLParser(data: Data(document))
    outside.open = [outside]
    parser.delegate = outside
    return parser.parse() ? outside.children.first : nil
  }

  /// The elements the parser is in.
  private var open: [Element] = []

  func parser(
    _ parser: XMLParser,
    didStartElement name: String,
    namespaceURI: String?,
    qualifiedName: String?,
    attributes: [String: String]
  ) {
    let child = Element(name, attributes)
    open.last?.children.append(child)
    open.append(child)
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { open.last?.text += string }

  func parser(
    _ parser: XMLParser,
    didEndElement name: String,
    namespaceURI: String?,
    qualifiedName: String?
  ) {
    open.removeLast()
  }
}

extension PublishedAPI {
  private static let api = "http://schemas.zerto.com/zvm/api"
  private static let serialization = "http://schemas.microsoft.com/2003/10/Serialization/"

  /// Everything in which an XML answer differs from what the call promises.
  func differences(ofXML root: Element, from operation: APIObject) -> [String] {
    // Nobody published what such an answer looks like.
    guard operation["kind"] != .string("unknown") else { return [] }
    let schema = operation["schema"]?.readText ?? ""
    let (name, namespace): (String, String) =
      switch operation["kind"]?.readText {
      case "array" where schemas[schema] == nil:
        ("ArrayOf" + schema, Self.serialization + "Arrays")
      case "array": ("ArrayOf" + elementName(of: schema), self.namespace(of: schema))
      case "scalar":
        (operation["scalar"]?.readText == "datetime" ? "dateTime" : "string", Self.serialization)
      default: (elementName(of: schema), self.namespace(of: schema))
      }
    var found = root.name == name ? [] : ["the root is \(root.name), not \(name)"]
    if root.attributes["xmlns"] ?? "" != namespace { found.append("its namespace is wrong") }
    switch operation["kind"]?.readText {
    case "array":
      found += root.children.flatMap { differences(ofItem: $0, of: schema, at: "[]") }
    case "object": found += differences(of: root, fromSchema: schema, at: "")
    default: found += root.children.isEmpty ? [] : ["a bare value has children"]
    }
    return found
  }

  private func elementName(of schema: String) -> String {
    xml[schema]?.object?["element"]?.readText ?? schema
  }

  private func namespace(of schema: String) -> String {
    xml[schema]?.object?["bare"] == nil ? Self.api : ""
  }

  private func differences(ofItem item: Element, of schema: String, at place: String) -> [String] {
    let name = item.name.split(separator: ":").last.map(String.init) ?? ""
    let expected = schemas[schema] == nil ? schema : elementName(of: schema)
    let wrong = name == expected ? [] : ["\(place) is <\(name)>, not <\(expected)>"]
    return wrong
      + (schemas[schema] == nil ? [] : differences(of: item, fromSchema: schema, at: place))
  }

  private func differences(
    of element: Element,
    fromSchema name: String,
    at place: String
  ) -> [String] {
    guard let schema = schemas[name]?.object else { return [] }
    var found: [String] = []
    let names = element.children.map(\.name)
    if names != names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      found.append("\(place) is not in alphabetical order")
    }
    var known: Set<String> = []
    for field in schema.members {
      let rules = field.value.object ?? APIObject()
      let name = xmlName(of: field.name)
      known.insert(name)
      let place = "\(place).\(name)"
      guard let child = element.children.first(where: { $0.name == name }) else {
        if rules["optional"] == nil { found.append("\(place) is missing") }
        continue
      }
      if child.attributes["i:nil"] == "true" {
        if rules["nullable"] == nil { found.append("\(place) is nil") }
      } else {
        found += differences(of: child, from: rules, at: place)
      }
    }
    return found + names.filter { !known.contains($0) }.map { "\(place).\($0) is unknown" }
  }

  private func xmlName(of field: String) -> String {
    for schema in xml.members {
      let names = schema.value.object?["names"]?.object?.members ?? []
      if let name = names.first(where: { $0.name == field })?.value.readText { return name }
    }
    return field
  }

  private func differences(of element: Element, from rules: APIObject, at place: String)
    -> [String]
  {
    let schema = rules["ref"]?.readText ?? ""
    let text = element.text
    let isRight =
      switch rules["type"]?.readText {
      case "integer" where rules["enum"] != nil: isName(text, of: rules["enum"]?.readText ?? "")
      case "integer", "long": Int64(text) != nil
      case "double": Double(text) != nil
      case "boolean": ["true", "false"].contains(text)
      case "datetime": text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
      case "string": element.children.isEmpty
      default: true
      }
    guard isRight else { return ["\(place) has the wrong type: \(text)"] }
    switch rules["type"]?.readText {
    case "object": return differences(of: element, fromSchema: schema, at: place)
    case "array":
      return element.children.flatMap {
        differences(ofItem: $0, of: schema.isEmpty ? "string" : schema, at: place + "[]")
      }
    default: return []
    }
  }

  /// Whether the text is a published name, or stands for a number whose name is not published.
  private func isName(_ text: String, of enumeration: String) -> Bool {
    let names = enumerations[enumeration]?.items ?? []
    return names.contains(.string(text)) || names.contains(.null) && text.hasPrefix("Unknown")
  }
}
