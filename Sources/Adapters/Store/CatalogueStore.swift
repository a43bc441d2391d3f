// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a site offers beside its VPGs: licence, service profiles and organisations.
package protocol CatalogueStore: Sendable {
  /// The licence; nil if none was given.
  func licence() async throws(StoreError) -> LicenceRecord?
  func save(_ licence: LicenceRecord) async throws(StoreError)
  func removeLicence() async throws(StoreError)

  /// Service profiles, by identifier.
  func serviceProfiles() async throws(StoreError) -> [ServiceProfile]
  func save(_ profile: ServiceProfile) async throws(StoreError)
  func removeServiceProfile(_ identifier: String) async throws(StoreError)

  /// Organisations, by identifier.
  func organisations() async throws(StoreError) -> [Organisation]
  func save(_ organisation: Organisation) async throws(StoreError)
  func removeOrganisation(_ identifier: String) async throws(StoreError)
}
