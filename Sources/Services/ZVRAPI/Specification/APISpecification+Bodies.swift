// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// Whether a body has what was promised of it. Clients send numbers and flags as text, texts as
// numbers, lists of one as their only item, and nulls and empty texts for what they leave out; all
// of that is right. Members nobody knows are ignored.

extension APISpecification {
  /// Finds the first member of a body that cannot be what it is to be.
  ///
  /// - Throws: ``APIError`` that names it.
  func check(_ body: APIObject, is type: ValueType) throws(APIError) {
    guard case .object(let name) = type else { return }
    try check(body, is: name, at: "")
  }

  /// A body that came as XML, where nothing tells an empty list or object from an empty text.
  func resolvingEmptyElements(in body: APIObject, is type: ValueType) -> APIObject {
    guard case .object(let name) = type else { return body }
    var body = body
    for field in objects[name]?.fields ?? [] {
      guard let value = body[field.name] else { continue }
      body[field.name] = resolvingEmptyElements(in: value, is: field.type)
    }
    return body
  }

  private func resolvingEmptyElements(in value: APIValue, is type: ValueType) -> APIValue {
    switch (value, type) {
    case (.string(let text), .list) where text.allSatisfy(\.isWhitespace): .list([], element: "")
    case (.string(let text), .object) where text.allSatisfy(\.isWhitespace): .null
    case (.object(let object), .object):
      .object(resolvingEmptyElements(in: object, is: type))
    case (.list(let items, let element), .list(let inner)):
      .list(items.map { resolvingEmptyElements(in: $0, is: inner) }, element: element)
    default: value
    }
  }

  private func check(_ body: APIObject, is name: String, at place: String) throws(APIError) {
    for field in objects[name]?.fields ?? [] {
      guard let value = body[field.name], value != .null, value != .string("") else { continue }
      try check(value, field.type, field.enumeration != nil, at: place + field.name)
    }
  }

  private func check(
    _ value: APIValue,
    _ type: ValueType,
    _ isEnumerated: Bool,
    at place: String
  ) throws(APIError) {
    switch type {
    case .string, .timespan, .binary:
      guard value.readText != nil else { throw .invalid("\(place) is not a text") }
    case .integer where isEnumerated:
      guard value.readText != nil else { throw .invalid("\(place) is no name and no number") }
    case .integer:
      guard let number = value.readInteger, Int32(exactly: number) != nil else {
        throw .invalid("\(place) is not a whole number of 32 bits")
      }
    case .long:
      guard value.readInteger != nil else { throw .invalid("\(place) is not a whole number") }
    case .double:
      guard value.readText.flatMap(Double.init)?.isFinite == true else {
        throw .invalid("\(place) is not a number")
      }
    case .boolean:
      guard value.readFlag != nil else { throw .invalid("\(place) is neither true nor false") }
    case .datetime:
      guard value.readText.flatMap({ APIDate.read($0) }) != nil else {
        throw .invalid("\(place) is not a date")
      }
    case .object(let name):
      guard let object = value.object else { throw .invalid("\(place) is not an object") }
      try check(object, is: name, at: place + ".")
    case .list(let element):
      guard let items = value.items else {
        guard value.readText != nil, element == .string else {
          throw .invalid("\(place) is not a list")
        }
        return
      }
      for (index, item) in items.enumerated() {
        try check(item, element, false, at: "\(place)[\(index)]")
      }
    case .nothing, .page, .anything: return
    }
  }
}
