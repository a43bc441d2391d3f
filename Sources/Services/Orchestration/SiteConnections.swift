// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel
package import Store

/// How a site reaches its appliances and its peers.
package protocol SiteConnections: Sendable {
  func appliance(_ appliance: SiteSettings.Appliance) -> any ApplianceControl
  func peer(_ peer: PeerRecord) -> any PeerControl
  /// Sends a proven pairing request to a manager this site does not trust yet, and believes the
  /// reply only if it is proven with the same secret.
  func pair(
    host: String,
    port: Int,
    _ request: PairRequest,
    secret: [UInt8]
  ) async throws(SiteError) -> PairReply
  /// Replaces the authorities whose managers and appliances are trusted.
  func setTrust(_ authorities: [SiteIdentifier: String]) throws(SiteError)
}
