// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What makes a session one of a self-service portal: it is confined to an organisation.
package struct PortalSession: Sendable, Equatable {
  /// The organisation's identifier.
  package let organisation: String
  package let address: String
  package let logoutURL: String?
  package let created: WallTime

  package init(organisation: String, address: String, logoutURL: String?, created: WallTime) {
    self.organisation = organisation
    self.address = address
    self.logoutURL = logoutURL
    self.created = created
  }

  /// Where a tenant's browser is sent to: the portal, with the session's identifier.
  func url(of session: String) -> String {
    address + (address.contains("?") ? "&" : "?") + "zsspSessionIdentifier=" + session
  }
}
