// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A value of the API, with everything its JSON and its XML form need.
///
/// A resource describes its answer once, as such a tree; a writer per format renders it. A
/// request's body is read into the same tree.
package enum APIValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case date(WallTime)
  /// A member of an enumeration. XML always has the name.
  case enumerated(number: Int, name: String, isNumberInJSON: Bool)
  /// `element` is the XML name of each item; the list itself is `ArrayOf` and that name.
  case list([APIValue], element: String)
  case object(APIObject)
}

extension APIValue {
  /// Text, or null.
  static func text(_ text: String?) -> APIValue { text.map(APIValue.string) ?? .null }

  /// The text of an identifier, or null.
  static func identifier<Name: Identifier>(_ name: Name?) -> APIValue { text(name?.rawValue) }

  static func integer(_ number: Int) -> APIValue { .integer(Int64(number)) }

  static func integer(_ number: Int?) -> APIValue { number.map { .integer(Int64($0)) } ?? .null }

  static func date(_ time: WallTime?) -> APIValue { time.map(APIValue.date) ?? .null }

  /// An object of type `type` with `members` in this order.
  static func object(_ type: String, _ members: KeyValuePairs<String, APIValue>) -> APIValue {
    .object(
      APIObject(type: type, members: members.map { APIMember(name: $0.key, value: $0.value) })
    )
  }

  static func texts(_ texts: [String]) -> APIValue {
    .list(texts.map(APIValue.string), element: "string")
  }

  /// The object, if the value is one.
  package var object: APIObject? {
    guard case .object(let object) = self else { return nil }
    return object
  }

  /// The items, if the value is a list.
  package var items: [APIValue]? {
    guard case .list(let items, _) = self else { return nil }
    return items
  }

  /// Whether nothing in the value was set: nulls, false, empty texts and what is made of them.
  var isUnset: Bool {
    switch self {
    case .null, .bool(false), .string(""): true
    case .bool, .integer, .double, .string, .date, .enumerated: false
    case .list(let items, _): items.allSatisfy(\.isUnset)
    case .object(let object): object.members.allSatisfy(\.value.isUnset)
    }
  }
}
