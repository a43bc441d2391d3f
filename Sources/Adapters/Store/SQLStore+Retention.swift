// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Long-term retention.
extension SQLStore {
  package func repositories() async throws(StoreError) -> [RetentionRepository] {
    try await records("SELECT json FROM \"repository\" ORDER BY identifier")
  }

  package func save(_ repository: RetentionRepository) async throws(StoreError) {
    try await put(repository, in: "repository", [("identifier", repository.identifier.rawValue)])
  }

  package func removeRepository(_ identifier: RepositoryIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"repository\" WHERE identifier = ?", [identifier.rawValue])
  }

  package func retentionSets() async throws(StoreError) -> [RetentionSet] {
    try await records("SELECT json FROM \"retentionSet\" ORDER BY identifier")
  }

  package func save(_ set: RetentionSet) async throws(StoreError) {
    try await put(set, in: "retentionSet", [("identifier", set.identifier.rawValue)])
  }

  package func removeRetentionSet(_ identifier: RetentionSetIdentifier) async throws(StoreError) {
    try await execute("DELETE FROM \"retentionSet\" WHERE identifier = ?", [identifier.rawValue])
  }
}
