// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Who holds a certificate: one process of one site.
///
/// A certificate says so in one subject alternative name, `understudy://<site>/<role>/<name>`.
package struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
  package let site: SiteIdentifier
  package let role: PeerRole
  /// The name its site gave it, unique for its role.
  package let name: String

  package init(site: SiteIdentifier, role: PeerRole, name: String) {
    self.site = site
    self.role = role
    self.name = name
  }

  /// Reads the text that ``uri`` gives; nil for any other.
  package init?(uri: String) {
    guard uri.hasPrefix(Self.scheme) else { return nil }
    let parts = uri.dropFirst(Self.scheme.count)
      .split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, !parts[2].isEmpty,
      let role = PeerRole(rawValue: String(parts[1])),
      let name = PercentEncoding.decode(String(parts[2]))
    else { return nil }
    self.init(site: SiteIdentifier(String(parts[0])), role: role, name: name)
  }

  package var uri: String {
    "\(Self.uri(of: site))/\(role.rawValue)/\(PercentEncoding.encode(name))"
  }

  package var description: String { "\(role.rawValue) \(name) of site \(site)" }

  /// The text that an authority's certificate carries instead.
  static func uri(of site: SiteIdentifier) -> String { scheme + site.rawValue }

  private static let scheme = "understudy://"
}
