// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Peers, and what the site keeps about itself.
extension SQLStore {
  package func peers() async throws(StoreError) -> [PeerRecord] {
    try await records("SELECT json FROM \"peer\" ORDER BY site")
  }

  package func save(_ peer: PeerRecord) async throws(StoreError) {
    try await put(peer, in: "peer", [("site", peer.site.rawValue)])
  }

  package func removePeer(_ site: SiteIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"peer\" WHERE site = ?", [site.rawValue])
  }

  package func pairingTokens() async throws(StoreError) -> [PairingTokenRecord] {
    try await records("SELECT json FROM \"pairingToken\" ORDER BY identifier")
  }

  package func save(_ token: PairingTokenRecord) async throws(StoreError) {
    try await put(token, in: "pairingToken", [("identifier", token.identifier)])
  }

  package func takePairingToken(
    _ identifier: String
  ) async throws(StoreError) -> PairingTokenRecord? {
    let taken = try await write([
      SQLStatement(
        "DELETE FROM \"pairingToken\" WHERE identifier = ? RETURNING json",
        [identifier]
      )
    ])
    guard let row = taken.first else { return nil }
    return try RecordText.decode(row)
  }

  package func heardHistory(
    of site: SiteIdentifier
  ) async throws(StoreError) -> HeardHistoryRecord? {
    try await setting("heard \(site)")
  }

  package func save(_ heard: HeardHistoryRecord) async throws(StoreError) {
    try await putSetting(heard, "heard \(heard.site)")
  }

  package func hostsLastSeen() async throws(StoreError) -> HostsLastSeenRecord? {
    try await setting("hosts last seen")
  }

  package func save(_ hosts: HostsLastSeenRecord) async throws(StoreError) {
    try await putSetting(hosts, "hosts last seen")
  }

  package func hypervisorAccount() async throws(StoreError) -> HypervisorAccountRecord? {
    try await setting("hypervisor account")
  }

  package func save(_ account: HypervisorAccountRecord) async throws(StoreError) {
    try await putSetting(account, "hypervisor account")
  }

  package func appliances() async throws(StoreError) -> [ApplianceRecord] {
    try await records("SELECT json FROM \"appliance\" ORDER BY identifier")
  }

  package func save(_ appliance: ApplianceRecord) async throws(StoreError) {
    try await put(appliance, in: "appliance", [("identifier", appliance.identifier.rawValue)])
  }

  package func removeAppliance(_ appliance: ApplianceIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"appliance\" WHERE identifier = ?", [appliance.rawValue])
  }

  package func replicationSettings() async throws(StoreError) -> ReplicationSettings? {
    try await setting("replication")
  }

  package func save(_ settings: ReplicationSettings) async throws(StoreError) {
    try await putSetting(settings, "replication")
  }

  package func tweaks() async throws(StoreError) -> Tweaks? { try await setting("tweaks") }

  package func save(_ tweaks: Tweaks) async throws(StoreError) {
    try await putSetting(tweaks, "tweaks")
  }

  /// What the site keeps once, by its name.
  func setting<Record: Decodable & Sendable>(
    _ name: String
  ) async throws(StoreError) -> Record? {
    try await record("SELECT json FROM \"setting\" WHERE name = ?", [name])
  }

  func putSetting(_ record: some Encodable, _ name: String) async throws(StoreError) {
    try await put(record, in: "setting", [("name", name)])
  }
}
