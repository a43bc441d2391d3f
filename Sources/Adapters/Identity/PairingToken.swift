// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What an administrator carries from one site to the other to pair them, once.
///
/// The issuer keeps both parts until the token is used or expired. The identifier says which
/// token is meant and may be seen by anyone; the secret proves who was given the token and never
/// crosses the network.
package struct PairingToken: Sendable, Equatable {
  /// 16 random bytes in base64url.
  package let identifier: String
  /// 32 random bytes.
  package let secret: [UInt8]

  private static let identifierByteCount = 16
  private static let secretByteCount = 32

  /// Makes a new token of the system's random numbers.
  package init() {
    var random = SystemRandomNumberGenerator()
    func bytes(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }
    identifier = Self.base64URL(bytes(Self.identifierByteCount))
    secret = bytes(Self.secretByteCount)
  }

  /// Reads what ``text`` gives, with or without blanks around it; nil for anything else.
  package init?(text: String) {
    let standard = text.trimmingCharacters(in: .whitespacesAndNewlines)
      .replacing("-", with: "+").replacing("_", with: "/")
    // 48 bytes need no padding, so there is one way to write a token.
    guard let data = Data(base64Encoded: standard),
      data.count == Self.identifierByteCount + Self.secretByteCount
    else { return nil }
    identifier = Self.base64URL(Array(data.prefix(Self.identifierByteCount)))
    secret = Array(data.suffix(Self.secretByteCount))
  }

  /// The token as it is shown and carried: 64 characters of base64url.
  package var text: String {
    let padded = identifier.replacing("-", with: "+").replacing("_", with: "/") + "=="
    let bytes = Data(base64Encoded: padded).map(Array.init) ?? []
    return Self.base64URL(bytes + secret)
  }

  private static func base64URL(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
