// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Long-term retention: repositories, and disks on their way into them and out again.
extension ApplianceClient {
  /// Makes a repository, or looks whether it is there and works.
  package func check(
    _ request: RepositoryRequest
  ) async throws(ControlError) -> RepositoryReply {
    try await client.send(
      .post,
      ApplianceRoutes.repository,
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// The disks that have all of the tags.
  package func archivedDisks(
    _ request: SnapshotListRequest
  ) async throws(ControlError) -> [ArchivedDisk] {
    try await client.send(
      .post,
      ApplianceRoutes.snapshots,
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Forgets disks and gives back their room.
  package func forget(_ request: ForgetRequest) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.forget,
      body: request,
      timeout: Self.longTimeout
    )
  }

  /// Has a disk of an export copied into a repository, and asks how far that is.
  package func archive(
    _ copy: CopyIdentifier,
    _ request: ArchiveRequest
  ) async throws(ControlError) -> ArchiveReply {
    try await client.send(.put, ApplianceRoutes.archive(copy), body: request)
  }

  /// Ends a copy into a repository.
  package func deleteArchive(_ copy: CopyIdentifier) async throws(ControlError) {
    try await client.perform(
      .delete,
      ApplianceRoutes.archive(copy),
      timeout: Self.mediumTimeout
    )
  }

  /// Has a disk of a repository written to a file, and asks how far that is.
  package func restore(
    _ copy: CopyIdentifier,
    _ request: RestoreRequest
  ) async throws(ControlError) -> CopyReply {
    try await client.send(.put, ApplianceRoutes.restore(copy), body: request)
  }
}
