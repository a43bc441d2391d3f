// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import FoundationXML

/// Reads XML, in the form of .NET's data contracts, into an API value.
///
/// XML does not say what is a number, so everything that is not an object or a list is text, and
/// whoever reads a member takes text for numbers and flags too. Names of roots and namespaces do
/// not matter. There is no document type, so there are no entities of a sender's own.
package enum XMLReader {
  /// Why a text is not read, with the place, in words for the person who sent it.
  package struct Failure: Error, Equatable {
    package var message: String
  }

  /// Nesting above this is refused, so that no body can exhaust the stack.
  fileprivate static let deepest = 64

  /// The value of an XML document in UTF-8.
  package static func read(_ bytes: [UInt8]) throws(Failure) -> APIValue {
    guard var text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(message: "the body is not XML in UTF-8")
    }
    if text.first == "\u{FEFF}" { text.removeFirst() }
    text = try withoutDeclaration(text)
    guard !text.contains("<!DOCTYPE") else {
      throw Failure(message: "the body has a document type, which is not accepted")
    }
    let parser = XMLParser(data: Data(text.utf8))
    parser.shouldProcessNamespaces = true
    parser.shouldResolveExternalEntities = false
    let builder = Builder()
    parser.delegate = builder
    guard parser.parse(), parser.parserError == nil, !builder.hasError, let root = builder.root
    else {
      throw Failure(
        message: "the body is not XML: \(builder.failure ?? "it is not well-formed"), "
          + "in line \(parser.lineNumber)"
      )
    }
    return root
  }

  /// The document without `<?xml …?>`, which may name an encoding that would hide a document type.
  private static func withoutDeclaration(_ text: String) throws(Failure) -> String {
    guard text.hasPrefix("<?xml "), let end = text.firstRange(of: "?>") else { return text }
    let declaration = text[..<end.lowerBound].lowercased()
    guard !declaration.contains("encoding") || declaration.contains("utf-8") else {
      throw Failure(message: "the body is not XML in UTF-8")
    }
    return String(text[end.upperBound...])
  }

  /// Collects the parser's calls into a value.
  private final class Builder: NSObject, XMLParserDelegate {
    var root: APIValue?
    var failure: String?
    var hasError = false
    private var open: [Element] = []

    func parser(
      _ parser: XMLParser,
      didStartElement name: String,
      namespaceURI: String?,
      qualifiedName: String?,
      attributes: [String: String]
    ) {
      guard open.count < XMLReader.deepest else {
        failure = "it is nested too deep"
        parser.abortParsing()
        return
      }
      let isNil = attributes.contains { key, value in
        key.split(separator: ":").last == "nil" && (value == "true" || value == "1")
      }
      open.append(Element(name: name, isNil: isNil))
    }

    func parser(_ parser: XMLParser, parseErrorOccurred parseError: any Error) {
      hasError = true
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      if !open.isEmpty { open[open.count - 1].text += string }
    }

    func parser(_ parser: XMLParser, foundCDATA block: Data) {
      if !open.isEmpty { open[open.count - 1].text += String(decoding: block, as: UTF8.self) }
    }

    func parser(
      _ parser: XMLParser,
      didEndElement name: String,
      namespaceURI: String?,
      qualifiedName: String?
    ) {
      guard let element = open.popLast() else { return }
      if open.isEmpty {
        root = element.value(isRoot: true)
      } else {
        open[open.count - 1].members.append(
          APIMember(name: element.name, value: element.value(isRoot: false))
        )
      }
    }
  }

  /// An element on its way to a value.
  private struct Element {
    let name: String
    let isNil: Bool
    var text = ""
    var members: [APIMember] = []

    func value(isRoot: Bool) -> APIValue {
      if isNil { return .null }
      let isArray = isRoot && name.hasPrefix("ArrayOf")
      if let first = members.first {
        // The items of a list bear the name of their type, and members that of what they mean.
        let isList =
          isArray
          || !isRoot && members.allSatisfy { $0.name == first.name } && first.name.isTypeName
        if isList { return .list(members.map(\.value), element: first.name) }
        return .object(APIObject(type: name, members: members))
      }
      if isArray { return .list([], element: String(name.dropFirst("ArrayOf".count))) }
      return isRoot && text.allSatisfy(\.isWhitespace)
        ? .object(APIObject(type: name)) : .string(text)
    }
  }
}

extension String {
  /// Whether this is the name of a type of the API or of a scalar in a list, not of a member.
  fileprivate var isTypeName: Bool {
    hasSuffix("Api") || ["string", "guid", "int", "long", "boolean", "double"].contains(self)
  }
}
