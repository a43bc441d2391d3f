// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// An enumeration of the API: names in the order of their numbers, from 0 without gaps.
///
/// Clients index the listings by number, so a number whose name was never published has a
/// placeholder.
struct APIEnumeration: Sendable {
  let name: String
  let names: [String]
  /// Whether JSON answers carry the number; they carry the name otherwise.
  let isNumberInJSON: Bool
  /// Other names that clients use, with their numbers.
  let otherNames: [String: Int]

  /// `count`: How many numbers there are, if more than names.
  init(
    _ name: String,
    isNumberInJSON: Bool = true,
    count: Int = 0,
    _ names: [String],
    otherNames: [String: Int] = [:]
  ) {
    self.name = name
    self.isNumberInJSON = isNumberInJSON
    self.otherNames = otherNames
    self.names = names + (names.count..<max(names.count, count)).map { "Unknown\($0)" }
  }

  /// The names, as the listing endpoints answer them.
  var listing: APIValue { .texts(names) }

  func value(_ number: Int) -> APIValue {
    let name = names.indices.contains(number) ? names[number] : "Unknown\(number)"
    return .enumerated(number: number, name: name, isNumberInJSON: isNumberInJSON)
  }

  /// The name alone, where a member is text and not a number.
  func name(of number: Int) -> String {
    names.indices.contains(number) ? names[number] : "Unknown\(number)"
  }

  /// The number of what a client sent, a name in any case or a number; nil if it is neither.
  func number(of text: String) -> Int? {
    if let number = Int(text) { return names.indices.contains(number) ? number : nil }
    return names.firstIndex { $0.isSame(as: text) }
      ?? otherNames.first { $0.key.isSame(as: text) }?.value
  }
}
