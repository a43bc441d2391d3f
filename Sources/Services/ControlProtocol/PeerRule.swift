// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
package import RecoveryModel

/// Who may use a route.
package struct PeerRule: Sendable {
  let allows: @Sendable (PeerIdentity?) -> Bool

  /// A rule by a condition; the identity is nil for a client without a certificate.
  package init(_ allows: @escaping @Sendable (PeerIdentity?) -> Bool) { self.allows = allows }

  /// Everybody who gets a connection, also without a certificate.
  package static let anyone = PeerRule { _ in true }

  /// The managers of all trusted sites.
  package static let anyManager = PeerRule { $0?.role == .manager }

  /// The manager of one site.
  package static func manager(of site: SiteIdentifier) -> PeerRule {
    PeerRule { $0?.role == .manager && $0?.site == site }
  }
}
