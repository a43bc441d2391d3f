// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a site offers beside its VPGs.
extension SQLStore {
  package func licence() async throws(StoreError) -> LicenceRecord? {
    try await record("SELECT json FROM \"setting\" WHERE name = ?", ["licence"])
  }

  package func save(_ licence: LicenceRecord) async throws(StoreError) {
    try await put(licence, in: "setting", [("name", "licence")])
  }

  package func removeLicence() async throws(StoreError) {
    try await execute("DELETE FROM \"setting\" WHERE name = ?", ["licence"])
  }

  package func serviceProfiles() async throws(StoreError) -> [ServiceProfile] {
    try await records("SELECT json FROM \"serviceProfile\" ORDER BY identifier")
  }

  package func save(_ profile: ServiceProfile) async throws(StoreError) {
    try await put(profile, in: "serviceProfile", [("identifier", profile.identifier)])
  }

  package func removeServiceProfile(_ identifier: String) async throws(StoreError) {
    try await execute("DELETE FROM \"serviceProfile\" WHERE identifier = ?", [identifier])
  }

  package func organisations() async throws(StoreError) -> [Organisation] {
    try await records("SELECT json FROM \"organisation\" ORDER BY identifier")
  }

  package func save(_ organisation: Organisation) async throws(StoreError) {
    try await put(organisation, in: "organisation", [("identifier", organisation.identifier)])
  }

  package func removeOrganisation(_ identifier: String) async throws(StoreError) {
    try await execute("DELETE FROM \"organisation\" WHERE identifier = ?", [identifier])
  }
}
