// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The path of a call, taken apart.
enum APIPath {
  /// The segments, percent-decoded; nil if one is not decodable.
  ///
  /// Repeated slashes count as one, and one at the end does not count.
  static func segments(of path: String) -> [String]? {
    var segments: [String] = []
    for part in path.split(separator: "/") {
      guard let text = decoded(part) else { return nil }
      segments.append(text)
    }
    return segments
  }

  /// Resolves `%20` and the like; everything else stands for itself.
  static func decoded(_ text: Substring) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(code)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
