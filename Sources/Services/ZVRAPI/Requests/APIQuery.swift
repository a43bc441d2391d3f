// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// The query of a call.
///
/// Names are matched without regard to case; unknown ones are ignored.
package struct APIQuery: Sendable, Equatable {
  private let pairs: [(name: String, value: String)]

  /// - Parameter pairs: Names and values, decoded.
  package init(_ pairs: [(name: String, value: String)]) { self.pairs = pairs }

  /// Reads the text behind the question mark.
  ///
  /// `+` is a blank, as forms write it.
  package init(text: String?) {
    self.init(
      (text ?? "").split(separator: "&").map { pair in
        let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
          .map { half in
            let plain = String(half).replacing("+", with: " ")
            return APIPath.decoded(plain[...]) ?? plain
          }
        return (name: halves[0], value: halves.count == 2 ? halves[1].withoutBraces : "")
      }
    )
  }

  package static func == (a: Self, b: Self) -> Bool { a.pairs.elementsEqual(b.pairs, by: ==) }

  /// The value of the first of `names` that is there and not empty.
  func text(_ names: String...) -> String? {
    for name in names {
      if let pair = pairs.first(where: { $0.name.isSame(as: name) && !$0.value.isEmpty }) {
        return pair.value
      }
    }
    return nil
  }

  /// An instant, in any of the forms clients send.
  func date(_ name: String) throws(APIError) -> WallTime? {
    guard let text = text(name) else { return nil }
    guard let time = APIDate.read(text) else {
      throw .invalid("\(name) is not a date: \(text)")
    }
    return time
  }

  /// A whole number.
  func integer(_ name: String) throws(APIError) -> Int? {
    guard let text = text(name) else { return nil }
    guard let number = Int(text) else { throw .invalid("\(name) is not a whole number: \(text)") }
    return number
  }

  /// The number of an enumeration's member, given by name or number.
  func number(_ names: String..., of enumeration: APIEnumeration) throws(APIError) -> Int? {
    for name in names {
      guard let text = text(name) else { continue }
      guard let number = enumeration.number(of: text) else {
        throw .invalid("\(name) has no value \(text)")
      }
      return number
    }
    return nil
  }

  /// A filter by a flag; nil if it is not there.
  func either(_ name: String) throws(APIError) -> Bool? {
    guard let text = text(name) else { return nil }
    if text.isSame(as: "true") { return true }
    if text.isSame(as: "false") { return false }
    throw .invalid("\(name) is neither true nor false: \(text)")
  }

  func flag(_ name: String) -> Bool { text(name)?.isSame(as: "true") ?? false }
}

extension String {
  /// A GUID without the braces that some clients put around it; any other text as it is.
  var withoutBraces: String {
    guard hasPrefix("{"), hasSuffix("}") else { return self }
    let inner = String(dropFirst().dropLast())
    return UUID(uuidString: inner) == nil ? self : inner
  }
}

extension APIQuery {
  /// Whether a filter lets `text` pass: it is not there, or says that text in any case.
  func matches(_ names: String..., text: String) -> Bool {
    for name in names {
      if let wanted = self.text(name) { return wanted.isSame(as: text) }
    }
    return true
  }

  func matches(_ name: String, _ text: String) -> Bool { matches(name, text: text) }
}
