// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import GRDB
package import RecoveryModel
package import Store

extension SQLiteStore {
  package func licence() async throws(StoreError) -> LicenceRecord? {
    try await record("SELECT json FROM setting WHERE name = ?", ["licence"])
  }

  package func save(_ licence: LicenceRecord) async throws(StoreError) {
    try await put(
      licence,
      "INSERT OR REPLACE INTO setting (json, name) VALUES (?, ?)",
      ["licence"]
    )
  }

  package func removeLicence() async throws(StoreError) {
    try await write("DELETE FROM setting WHERE name = ?", ["licence"])
  }

  package func serviceProfiles() async throws(StoreError) -> [ServiceProfile] {
    try await records("SELECT json FROM serviceProfile ORDER BY identifier")
  }

  package func save(_ profile: ServiceProfile) async throws(StoreError) {
    try await put(
      profile,
      "INSERT OR REPLACE INTO serviceProfile (json, identifier) VALUES (?, ?)",
      [profile.identifier]
    )
  }

  package func removeServiceProfile(_ identifier: String) async throws(StoreError) {
    try await write("DELETE FROM serviceProfile WHERE identifier = ?", [identifier])
  }

  package func organisations() async throws(StoreError) -> [Organisation] {
    try await records("SELECT json FROM organisation ORDER BY identifier")
  }

  package func save(_ organisation: Organisation) async throws(StoreError) {
    try await put(
      organisation,
      "INSERT OR REPLACE INTO organisation (json, identifier) VALUES (?, ?)",
      [organisation.identifier]
    )
  }

  package func removeOrganisation(_ identifier: String) async throws(StoreError) {
    try await write("DELETE FROM organisation WHERE identifier = ?", [identifier])
  }
}
