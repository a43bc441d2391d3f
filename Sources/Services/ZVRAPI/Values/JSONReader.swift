// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259) into an API value.
///
/// Integers keep all 64 bits. A comma after the last item is let pass: clients' scripts have them.
package struct JSONReader {
  /// Why a text is not JSON, with the place, in words for the person who sent it.
  package struct Failure: Error, Equatable {
    package var message: String
  }

  /// Nesting above this is refused, so that no body can exhaust the stack.
  private static let deepest = 64

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value of a JSON text in UTF-8.
  package static func read(_ bytes: [UInt8]) throws(Failure) -> APIValue {
    var reader = JSONReader(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes[3...]) : bytes)
    let value = try reader.value()
    reader.skipBlanks()
    guard reader.position == reader.bytes.count else {
      throw reader.failure("there is something after the end")
    }
    return value
  }

  private func failure(_ reason: String) -> Failure {
    Failure(message: "the body is not JSON: \(reason), at byte \(position)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D {
      position += 1
    }
  }

  private mutating func value() throws(Failure) -> APIValue {
    skipBlanks()
    guard depth < Self.deepest else { throw failure("it is nested too deep") }
    depth += 1
    defer { depth -= 1 }
    switch next {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try list()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw failure("it ends too early")
    case let byte? where "-0123456789".utf8.contains(byte): return try number()
    default: throw failure("a value was expected")
    }
  }

  private mutating func word(_ word: String, _ value: APIValue) throws(Failure) -> APIValue {
    guard bytes[position...].starts(with: word.utf8) else { throw failure("a value was expected") }
    position += word.utf8.count
    return value
  }

  private mutating func object() throws(Failure) -> APIValue {
    position += 1
    var object = APIObject()
    skipBlanks()
    if next == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      guard next == UInt8(ascii: "\"") else { throw failure("a member name was expected") }
      let name = try string()
      skipBlanks()
      guard next == UInt8(ascii: ":") else { throw failure("a colon was expected") }
      position += 1
      object.members.append(APIMember(name: name, value: try value()))
      if try isLast(UInt8(ascii: "}")) { return .object(object) }
    }
  }

  private mutating func list() throws(Failure) -> APIValue {
    position += 1
    var items: [APIValue] = []
    skipBlanks()
    if next == UInt8(ascii: "]") {
      position += 1
      return .list(items, element: "")
    }
    while true {
      items.append(try value())
      if try isLast(UInt8(ascii: "]")) { return .list(items, element: "") }
    }
  }

  /// Takes the comma before another item, or the bracket after the last.
  private mutating func isLast(_ closing: UInt8) throws(Failure) -> Bool {
    skipBlanks()
    if next == UInt8(ascii: ",") {
      position += 1
      skipBlanks()
    } else if next != closing {
      throw failure("a comma or the end of a list was expected")
    }
    guard next == closing else { return false }
    position += 1
    return true
  }

  private mutating func number() throws(Failure) -> APIValue {
    let start = position
    while let byte = next, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    let digits = text.drop { $0 == "-" }
    if digits.count == 1 || digits.first != "0" || digits.dropFirst().first == "."
      || digits.dropFirst().first?.lowercased() == "e"
    {
      if let integer = Int64(text) { return .integer(integer) }
      if let double = Double(text), double.isFinite, text.last?.isNumber == true {
        return .double(double)
      }
    }
    position = start
    throw failure("a number is malformed or too large")
  }

  private mutating func string() throws(Failure) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a text is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw failure("a text holds a control character")
      default: text.append(byte)
      }
    }
    throw failure("a text has no end")
  }

  /// The character after a backslash.
  private mutating func escape() throws(Failure) -> Unicode.Scalar {
    guard let byte = next else { throw failure("a text has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("an escape is unknown")
    }
  }

  private mutating func unicodeEscape() throws(Failure) -> Unicode.Scalar {
    var code = UInt32(try fourDigits())
    if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: "\\u".utf8) {
      position += 2
      let low = UInt32(try fourDigits())
      guard (0xDC00..<0xE000).contains(low) else { throw failure("half a character is missing") }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("half a character is missing") }
    return scalar
  }

  private mutating func fourDigits() throws(Failure) -> UInt16 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("four hexadecimal digits were expected") }
    position += 4
    return code
  }
}
