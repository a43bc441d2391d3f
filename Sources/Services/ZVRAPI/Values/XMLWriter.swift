// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Writes API values as XML, in the form of .NET's data contracts: members in alphabetical order,
/// nulls as `i:nil`, enumerations by name, dates as ISO 8601 text in UTC.
package struct XMLWriter {
  static let apiNamespace = "http://schemas.zerto.com/zvm/api"
  static let instanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"
  static let arraysNamespace = "http://schemas.microsoft.com/2003/10/Serialization/Arrays"
  static let scalarNamespace = "http://schemas.microsoft.com/2003/10/Serialization/"

  /// Types whose elements are in no namespace.
  private static let bareTypes: Set<String> = ["VmResourcesInfo"]

  private var text = ""

  /// The XML document of `value`, in UTF-8.
  package static func write(_ value: APIValue) -> [UInt8] {
    var writer = XMLWriter()
    writer.appendRoot(value)
    return Array(writer.text.utf8)
  }

  private mutating func appendRoot(_ value: APIValue) {
    let (name, namespace) =
      switch value {
      case .object(let object): (object.type, Self.namespace(ofType: object.type))
      case .list(_, let element):
        (
          "ArrayOf" + element,
          value.hasScalars ? Self.arraysNamespace : Self.namespace(ofType: element)
        )
      case .bool: ("boolean", Self.scalarNamespace)
      case .integer: ("long", Self.scalarNamespace)
      case .double: ("double", Self.scalarNamespace)
      case .date: ("dateTime", Self.scalarNamespace)
      case .null, .string, .enumerated: ("string", Self.scalarNamespace)
      }
    var attributes = namespace.isEmpty ? "" : " xmlns=\"\(namespace)\""
    if value.hasMembers || value == .null { attributes += " xmlns:i=\"\(Self.instanceNamespace)\"" }
    append(value, name, attributes, prefix: "")
  }

  private static func namespace(ofType type: String) -> String {
    bareTypes.contains(type) ? "" : apiNamespace
  }

  /// Appends an element; `prefix` is put before the names of a scalar list's items.
  private mutating func append(
    _ value: APIValue,
    _ name: String,
    _ attributes: String = "",
    prefix: String = "a:"
  ) {
    text += "<\(name)\(attributes)"
    switch value {
    case .null:
      text += " i:nil=\"true\"/>"
      return
    case .list(let items, let element):
      let isScalar = value.hasScalars
      if isScalar, !prefix.isEmpty { text += " xmlns:a=\"\(Self.arraysNamespace)\"" }
      text += ">"
      for item in items { append(item, (isScalar ? prefix : "") + element) }
    case .object(let object):
      text += ">"
      let members = object.members.map { (name: $0.xmlName, value: $0.value) }
      for member in members.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
        append(member.value, member.name)
      }
    case .bool(let flag): text += flag ? ">true" : ">false"
    case .integer(let number): text += ">\(number)"
    case .double(let number): text += number.isFinite ? ">\(number)" : ">0"
    case .date(let time): text += ">" + APIDate.text(of: time)
    case .enumerated(_, let enumerated, _): text += ">" + Self.escaped(enumerated)
    case .string(let string): text += ">" + Self.escaped(string)
    }
    text += "</\(name)>"
  }

  /// Text with everything escaped that must be; what XML 1.0 cannot carry becomes U+FFFD.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\r": result += "&#13;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      case "\0"..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension APIValue {
  /// Whether the value is a list of texts or numbers.
  ///
  /// Their elements begin with a small letter and those of objects with a capital.
  fileprivate var hasScalars: Bool {
    guard case .list(_, let element) = self else { return false }
    return element.first?.isLowercase ?? true
  }

  fileprivate var hasMembers: Bool {
    switch self {
    case .object, .list: true
    case .null, .bool, .integer, .double, .string, .date, .enumerated: false
    }
  }
}
