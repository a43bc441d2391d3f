// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import RecoveryModel
package import Store

/// The sites this one is paired with: how to call them, what they last said, and whom that makes
/// this site trust.
package actor PeerDirectory {
  private let site: SiteIdentifier
  private let ownAuthority: String
  private let store: any Store
  private let connections: any SiteConnections
  private let appliances: ApplianceDirectory
  private var records: [SiteIdentifier: PeerRecord] = [:]
  private var controls: [SiteIdentifier: any PeerControl] = [:]
  /// This site as its own peer, of VPGs that never leave it.
  private var own: (any PeerControl)?
  /// What the peers last said.
  package private(set) var sightings = PeerSightings()
  private var inventories: [SiteIdentifier: Inventory] = [:]

  package init(
    site: SiteIdentifier,
    ownAuthority: String,
    store: any Store,
    connections: any SiteConnections,
    appliances: ApplianceDirectory
  ) {
    self.site = site
    self.ownAuthority = ownAuthority
    self.store = store
    self.connections = connections
    self.appliances = appliances
  }

  /// Reads the store and trusts those in it; called once before anything else.
  ///
  /// `own` is this site as its own peer.
  package func load(own: any PeerControl) async throws(SiteError) {
    self.own = own
    do {
      for record in try await store.peers() { records[record.site] = record }
    } catch { throw SiteError(error) }
    try await applyTrust()
  }

  // MARK: Who

  /// Paired sites, by name.
  package func all() -> [PeerRecord] {
    records.values.sorted { ($0.name, $0.site) < ($1.name, $1.site) }
  }

  package func record(of site: SiteIdentifier) -> PeerRecord? { records[site] }

  /// What people call the paired sites.
  package func names() -> [SiteIdentifier: String] { records.mapValues(\.name) }

  package func client(for site: SiteIdentifier) throws(SiteError) -> any PeerControl {
    if site == self.site, let own { return own }
    if let control = controls[site] { return control }
    guard let record = records[site] else {
      throw .notFound("This site is not paired with a site \(site).")
    }
    let control = connections.peer(record)
    controls[site] = control
    return control
  }

  /// Remembers a peer, new or changed, and trusts its authority.
  package func save(_ record: PeerRecord) async throws(SiteError) {
    guard records[record.site] != record else { return }
    do { try await store.save(record) } catch { throw SiteError(error) }
    let trustChanged = records[record.site]?.authority != record.authority
    records[record.site] = record
    controls[record.site] = nil
    if trustChanged { try await applyTrust() }
  }

  /// Forgets a peer and trusts it no more.
  package func remove(_ site: SiteIdentifier) async throws(SiteError) {
    do { try await store.removePeer(site) } catch { throw SiteError(error) }
    records[site] = nil
    controls[site] = nil
    sightings.remove(site)
    inventories[site] = nil
    try await applyTrust()
  }

  // MARK: What they said

  package func isConnected(_ site: SiteIdentifier) -> Bool {
    site == self.site || sightings.isConnected(site)
  }

  /// Whether a peer answers: as it was last heard, or now.
  ///
  /// A manager that has just started has heard nobody yet, and would call everybody silent.
  func answers(_ site: SiteIdentifier) async -> Bool {
    if isConnected(site) { return true }
    do throws(SiteError) {
      let asked = ContinuousClock.now
      note(try await client(for: site).state(), from: site, asked: asked)
      return true
    } catch {
      return false
    }
  }

  package func share(of vpg: VPGIdentifier, at site: SiteIdentifier) -> VPGShare? {
    sightings.share(of: vpg, at: site)
  }

  /// The peer's inventory as it was last seen.
  package func knownInventory(of site: SiteIdentifier) -> Inventory? { inventories[site] }

  /// Takes what a peer said when it was asked at `asked`.
  package func note(
    _ state: PeerState,
    from site: SiteIdentifier,
    asked: ContinuousClock.Instant
  ) {
    guard records[site] != nil else { return }
    sightings.note(state, from: site, asked: asked)
  }

  /// Forgets what a peer said of a VPG, because it says nothing of what is so from now on: only
  /// what it is asked after this counts.
  package func forget(_ vpg: VPGIdentifier, at site: SiteIdentifier) {
    sightings.forget(vpg, at: site, .now)
  }

  /// VMs of a VPG went into others: what the peer said of them holds for those.
  package func part(
    _ left: [VPGDefinition],
    from kept: VPGDefinition,
    at site: SiteIdentifier
  ) {
    sightings.part(left, from: kept, at: site)
  }

  package func note(_ inventory: Inventory, from site: SiteIdentifier) {
    guard records[site] != nil else { return }
    inventories[site] = inventory
  }

  package func noteSilence(of site: SiteIdentifier) { sightings.noteSilence(of: site) }

  // MARK: Trust

  private func applyTrust() async throws(SiteError) {
    var authorities = records.mapValues(\.authority)
    authorities[site] = ownAuthority
    try connections.setTrust(authorities)
    await appliances.setTrust(TrustRequest(authorities: authorities))
  }
}
