// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel

/// What the paired sites last said, as one value: see ``ApplianceSightings``.
package struct PeerSightings: Sendable {
  /// What a peer last said, and whether it still answers.
  private struct Sighting {
    var shares: [VPGIdentifier: VPGShare]
    let historyVersion: Int64?
    var isConnected = true
  }

  private var sightings: [SiteIdentifier: Sighting] = [:]
  /// When a share was forgotten, until the peer was asked again since then.
  private var forgotten: [VPGIdentifier: ContinuousClock.Instant] = [:]

  /// Whether the peer's manager answered within the last seconds.
  package func isConnected(_ site: SiteIdentifier) -> Bool {
    sightings[site]?.isConnected ?? false
  }

  /// The peer's latest share of a VPG, however old; see ``isConnected(_:)``.
  package func share(of vpg: VPGIdentifier, at site: SiteIdentifier) -> VPGShare? {
    sightings[site]?.shares[vpg]
  }

  /// What the peer last said of its history; nil if it has none to give, or is away.
  func historyVersion(of site: SiteIdentifier) -> Int64? {
    guard let sighting = sightings[site], sighting.isConnected else { return nil }
    return sighting.historyVersion
  }

  // MARK: For the directory

  mutating func note(
    _ state: PeerState,
    from site: SiteIdentifier,
    asked: ContinuousClock.Instant
  ) {
    var shares: [VPGIdentifier: VPGShare] = [:]
    for share in state.vpgs where shares[share.definition.identifier] == nil {
      let vpg = share.definition.identifier
      if let since = forgotten[vpg] {
        // This answer may have been on its way when the share was forgotten.
        guard asked > since else { continue }
        forgotten[vpg] = nil
      }
      shares[vpg] = share
    }
    sightings[site] = Sighting(shares: shares, historyVersion: state.historyVersion)
  }

  mutating func forget(
    _ vpg: VPGIdentifier,
    at site: SiteIdentifier,
    _ now: ContinuousClock.Instant
  ) {
    guard sightings[site] != nil else { return }
    sightings[site]?.shares[vpg] = nil
    forgotten[vpg] = now
  }

  /// VMs of a VPG went into others: what was said of them holds for those.
  mutating func part(_ left: [VPGDefinition], from kept: VPGDefinition, at site: SiteIdentifier) {
    guard let share = sightings[site]?.shares[kept.identifier] else { return }
    for definition in [kept] + left {
      var part = share
      part.definition = definition
      part.streams.removeAll { !definition.streams.contains($0.stream) }
      part.journals.removeAll { !definition.streams.contains($0.stream) }
      part.use = part.use.filter { definition.streams.contains($0.key) }
      sightings[site]?.shares[definition.identifier] = part
    }
  }

  mutating func noteSilence(of site: SiteIdentifier) { sightings[site]?.isConnected = false }

  mutating func remove(_ site: SiteIdentifier) { sightings[site] = nil }
}
