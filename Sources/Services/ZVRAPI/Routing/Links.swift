// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// Makes the links of an answer.
///
/// They are absolute, at the address the client used.
struct Links: Sendable {
  let baseURL: String
  let localSite: SiteIdentifier

  /// In place of an organisation, where there is none.
  static let noOne = "00000000-0000-0000-0000-000000000000"

  func href(_ path: String) -> String { "\(baseURL)/v1/\(path)" }

  /// A link to an object below a resource's root.
  func link(_ type: String, _ root: String, _ identifier: String) -> APIValue {
    link(type, identifier: identifier, href: href("\(root)/\(Self.escaped(identifier))"))
  }

  func link(_ type: String, identifier: String, href: String) -> APIValue {
    .object(
      "ResourceLink",
      [
        "identifier": .string(identifier), "rel": .null, "href": .string(href),
        "type": .string(type),
      ]
    )
  }

  /// The second link to itself that old clients find under the name `Link_{0}`.
  func selfLink(_ type: String, _ root: String, _ identifier: String) -> APIValue {
    .object(
      "SelfLink",
      [
        "href": .string(href("\(root)/\(Self.escaped(identifier))")), "rel": .string("self"),
        "type": .string(type),
      ]
    )
  }

  /// A link to a site: its kind depends on whether it is this one.
  func site(_ site: SiteIdentifier) -> APIValue {
    site == localSite
      ? link("LocalSiteApi", identifier: site.rawValue, href: href("localsite"))
      : link("PeerSiteApi", "peersites", site.rawValue)
  }

  func vpg(_ vpg: VPGIdentifier) -> APIValue { link("VpgApi", "vpgs", vpg.rawValue) }

  /// A link to an organisation; without one, to the all-zero GUID.
  func zorg(_ identifier: String?) -> APIValue {
    link("ZorgApi", "zorgs", identifier ?? Self.noOne)
  }

  /// Percent-encodes what a path segment cannot carry, such as blanks.
  private static func escaped(_ text: String) -> String {
    if text.utf8.allSatisfy(isPlain) { return text }
    var escaped = ""
    for byte in text.utf8 {
      if isPlain(byte) {
        escaped.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        escaped += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return escaped
  }

  /// Whether a byte may stand in a path segment as it is (RFC 3986, section 3.3).
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
      UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "!"), UInt8(ascii: "$"),
      UInt8(ascii: "&")...UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
      true
    default: false
    }
  }
}
