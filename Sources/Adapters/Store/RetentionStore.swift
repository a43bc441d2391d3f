// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Long-term retention: where copies are kept, and which there are.
package protocol RetentionStore: Sendable {
  /// Repositories, by identifier.
  func repositories() async throws(StoreError) -> [RetentionRepository]
  func save(_ repository: RetentionRepository) async throws(StoreError)
  func removeRepository(_ identifier: RepositoryIdentifier) async throws(StoreError)

  /// Sets, those that are to be deleted among them, by identifier.
  func retentionSets() async throws(StoreError) -> [RetentionSet]
  func save(_ set: RetentionSet) async throws(StoreError)
  func removeRetentionSet(_ identifier: RetentionSetIdentifier) async throws(StoreError)
}
