// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel

/// What the paired sites last said, as one value: see ``ApplianceSightings``.
package struct PeerSightings: Sendable {
  /// What a peer last said, and whether it still answers.
  private struct Sighting {
    let shares: [VPGIdentifier: VPGShare]
    var isConnected = true
  }

  private var sightings: [SiteIdentifier: Sighting] = [:]

  /// Whether the peer's manager answered within the last seconds.
  package func isConnected(_ site: SiteIdentifier) -> Bool {
    sightings[site]?.isConnected ?? false
  }

  /// The peer's latest share of a VPG, however old; see ``isConnected(_:)``.
  package func share(of vpg: VPGIdentifier, at site: SiteIdentifier) -> VPGShare? {
    sightings[site]?.shares[vpg]
  }

  // MARK: For the directory

  mutating func note(_ state: PeerState, from site: SiteIdentifier) {
    sightings[site] = Sighting(
      shares: Dictionary(
        state.vpgs.map { ($0.definition.identifier, $0) },
        uniquingKeysWith: { first, _ in first }
      )
    )
  }

  mutating func noteSilence(of site: SiteIdentifier) { sightings[site]?.isConnected = false }

  mutating func remove(_ site: SiteIdentifier) { sightings[site] = nil }
}
