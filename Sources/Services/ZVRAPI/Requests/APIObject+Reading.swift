// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// Reading what clients send. They write numbers and flags as text, spell names in several ways,
// and send nulls for what they leave out.

extension APIObject {
  /// The first of `names` that is there and not null.
  private func given(_ names: [String]) -> (name: String, value: APIValue)? {
    for name in names {
      if let value = self[name], value != .null { return (name, value) }
    }
    return nil
  }

  /// Text, nil if absent or null.
  func text(_ names: String...) throws(APIError) -> String? {
    guard let (name, value) = given(names) else { return nil }
    guard let text = value.readText else { throw .invalid("\(name) is not a text") }
    return text
  }

  /// A whole number, nil if absent or null.
  ///
  /// Numbers come as text as well.
  func integer(_ names: String...) throws(APIError) -> Int? {
    guard let (name, value) = given(names) else { return nil }
    guard value != .string("") else { return nil }
    guard let number = value.readInteger else { throw .invalid("\(name) is not a whole number") }
    return number
  }

  /// A flag, nil if absent or null.
  func flag(_ names: String...) throws(APIError) -> Bool? {
    guard let (name, value) = given(names) else { return nil }
    guard value != .string("") else { return nil }
    guard let flag = value.readFlag else { throw .invalid("\(name) is neither true nor false") }
    return flag
  }

  /// The number of an enumeration's member, given by name or number.
  func number(_ name: String, of enumeration: APIEnumeration) throws(APIError) -> Int? {
    guard let text = try text(name), !text.isEmpty else { return nil }
    guard let number = enumeration.number(of: text) else {
      throw .invalid("\(name) has no value \(text)")
    }
    return number
  }

  /// A list of texts, empty if absent or null.
  ///
  /// A list of one comes as bare text as well.
  func texts(_ name: String) throws(APIError) -> [String] {
    guard let (_, value) = given([name]) else { return [] }
    if let text = value.readText { return text.isEmpty ? [] : [text] }
    let texts = value.items?.map(\.readText) ?? [nil]
    guard !texts.contains(nil) else { throw .invalid("\(name) is not a list of texts") }
    return texts.compactMap(\.self)
  }
}

extension APIValue {
  /// The value as text: texts and numbers.
  var readText: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): String(number)
    case .double(let number): String(number)
    case .enumerated(_, let name, _): name
    case .null, .bool, .date, .list, .object: nil
    }
  }

  /// The value as a whole number: numbers and texts of digits.
  var readInteger: Int? {
    switch self {
    case .integer(let number): Int(number)
    case .double(let number): Int(exactly: number)
    case .string(let text): Int(text)
    case .null, .bool, .date, .enumerated, .list, .object: nil
    }
  }

  /// The value as a flag: true and false, as words in any case, and 1 and 0.
  var readFlag: Bool? {
    switch self {
    case .bool(let flag): flag
    case .integer(0): false
    case .integer(1): true
    case .string(let text) where text.isSame(as: "true") || text == "1": true
    case .string(let text) where text.isSame(as: "false") || text == "0": false
    case .null, .integer, .double, .string, .date, .enumerated, .list, .object: nil
    }
  }
}
