// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Writes API values as JSON: members in PascalCase as the tree has them, nulls written, dates as
/// ISO 8601 text in UTC.
package struct JSONWriter {
  private var bytes: [UInt8] = []

  /// The JSON text of `value`, in UTF-8.
  package static func write(_ value: APIValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(value)
    return writer.bytes
  }

  /// The JSON text, in pieces, of a list of values that are written already.
  static func list(of texts: [[UInt8]]) -> [[UInt8]] {
    let comma = [UInt8(ascii: ",")]
    var pieces = [[UInt8(ascii: "[")]]
    pieces.reserveCapacity(2 * texts.count + 2)
    for (index, text) in texts.enumerated() {
      if index > 0 { pieces.append(comma) }
      pieces.append(text)
    }
    pieces.append([UInt8(ascii: "]")])
    return pieces
  }

  private mutating func append(_ value: APIValue) {
    switch value {
    case .null: append(raw: "null")
    case .bool(let flag): append(raw: flag ? "true" : "false")
    case .integer(let number): append(raw: String(number))
    case .double(let number): append(raw: Self.text(of: number))
    case .string(let text): append(quoted: text)
    case .date(let time): append(quoted: APIDate.text(of: time))
    case .enumerated(let number, let name, let isNumber):
      if isNumber { append(raw: String(number)) } else { append(quoted: name) }
    case .list(let items, _):
      append(raw: "[")
      for (index, item) in items.enumerated() {
        if index > 0 { append(raw: ",") }
        append(item)
      }
      append(raw: "]")
    case .object(let object):
      append(raw: "{")
      for (index, member) in object.members.enumerated() {
        if index > 0 { append(raw: ",") }
        append(quoted: member.name)
        append(raw: ":")
        append(member.value)
      }
      append(raw: "}")
    }
  }

  /// A whole number is written without a fraction, which some clients cannot read.
  private static func text(of number: Double) -> String {
    guard number.isFinite else { return "0" }
    guard abs(number) < 1e15, let whole = Int64(exactly: number) else { return "\(number)" }
    return String(whole)
  }

  private mutating func append(raw text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func append(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    // Nearly every text can stand as it is, and is copied at once.
    guard text.utf8.contains(where: Self.isEscaped) else { return append(raw: text) }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append(raw: "\\\"")
      case UInt8(ascii: "\\"): append(raw: "\\\\")
      case 0x0A: append(raw: "\\n")
      case 0x0D: append(raw: "\\r")
      case 0x09: append(raw: "\\t")
      case 0..<0x20: append(raw: "\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
  }

  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }
}
