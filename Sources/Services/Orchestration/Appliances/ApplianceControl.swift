// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel

/// An appliance of this site, as the manager calls it.
///
/// Every request may be sent again.
package protocol ApplianceControl: Sendable {
  /// How the appliance is; waits for `timeout`, nil being a usual time.
  func status(timeout: Duration?) async throws(SiteError) -> ApplianceStatus
  /// Has the worker end, and be started anew from what is installed; the answer may be lost.
  func restart() async throws(SiteError)
  func setTrust(_ request: TrustRequest) async throws(SiteError)

  func setBandwidth(_ request: BandwidthRequest) async throws(SiteError)

  // MARK: Protected site

  func protect(
    _ stream: StreamIdentifier,
    _ request: ProtectRequest
  ) async throws(SiteError) -> ProtectReply
  /// Ends a stream; one that is gone already is fine.
  func endStream(_ stream: StreamIdentifier) async throws(SiteError)
  /// Has a stream keep all writes, for a sync by maps of changes.
  func beginSync(
    _ stream: StreamIdentifier,
    _ request: BeginSyncRequest
  ) async throws(SiteError) -> BeginSyncReply
  func sync(_ stream: StreamIdentifier, _ request: SyncRequest) async throws(SiteError)
  func mark(_ request: MarkRequest) async throws(SiteError) -> MarkReply
  /// Keeps acknowledgements back; the answer comes within the hold's limit, or it is an error.
  func hold(_ request: HoldRequest) async throws(SiteError) -> MarkReply
  func release(_ request: ReleaseRequest) async throws(SiteError) -> MarkReply

  // MARK: Recovery site

  func keepJournal(_ stream: StreamIdentifier, _ request: JournalRequest) async throws(SiteError)
  /// Has a journal closed, and left to the appliance that takes it over; one that is gone already
  /// is fine.
  func handOverJournal(_ stream: StreamIdentifier) async throws(SiteError)
  /// Has a journal opened that another appliance handed over, with all it holds.
  func takeOverJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(SiteError)
  /// Ends a journal; one that is gone already is fine.
  func endJournal(_ stream: StreamIdentifier, keepsReplica: Bool) async throws(SiteError)
  func accept(_ stream: StreamIdentifier, _ isAccepting: Bool) async throws(SiteError)
  func promote(
    _ stream: StreamIdentifier,
    to checkpoint: CheckpointIdentifier
  ) async throws(SiteError)
  /// Checkpoints durable in a stream's journal, oldest first.
  func checkpoints(of stream: StreamIdentifier) async throws(SiteError) -> [Checkpoint]
  /// What was written of a stream's disks between two points.
  func changes(
    of stream: StreamIdentifier,
    _ request: ChangesRequest
  ) async throws(SiteError) -> ChangesReply
  func exports() async throws(SiteError) -> [ExportStatus]
  func openExport(
    _ export: ExportIdentifier,
    _ request: ExportRequest
  ) async throws(SiteError) -> ExportReply
  /// Closes an export and deletes its overlays; one that is gone already is fine.
  func closeExport(_ export: ExportIdentifier) async throws(SiteError)

  /// Makes the overlays through which a VM on an export gets to its replicas, once these are
  /// promoted.
  func prepareAdoption(of export: ExportIdentifier) async throws(SiteError)

  /// Bytes of each disk of an open export that are not known to be zero.
  func dataByteCounts(
    of export: ExportIdentifier
  ) async throws(SiteError) -> [VolumeIdentifier: UInt64]
  /// Has a disk of an open export copied to a file, and says how far that is.
  func copy(_ copy: CopyIdentifier, _ request: CopyRequest) async throws(SiteError) -> CopyReply
  /// Ends a copy and deletes its file, and its folder if that is empty then; what is gone is fine.
  func deleteCopy(_ copy: CopyIdentifier, in folder: String) async throws(SiteError)

  // MARK: Overlays over protected disks

  /// Bytes of a disk as of a point, from a journal here.
  func read(_ request: PointReadRequest) async throws(SiteError) -> PointReadReply
  /// Has an overlay be there, to be filled, and says what it lacks.
  func overlay(_ request: OverlayRequest) async throws(SiteError) -> OverlayReply
  func write(_ piece: OverlayPiece) async throws(SiteError)
  /// Has an overlay be complete and durable under its name.
  func sealOverlay(at path: String) async throws(SiteError)
  /// Takes what an overlay holds down into the disk below it, whose VM is off.
  func commitOverlay(at path: String) async throws(SiteError)
  /// Deletes an overlay; one that is gone already is fine.
  func deleteOverlay(at path: String) async throws(SiteError)

  // MARK: Repositories

  /// Makes a repository, or looks whether it is there and works.
  func check(_ request: RepositoryRequest) async throws(SiteError) -> RepositoryReply
  /// The disks in a repository that have all of the tags.
  func archivedDisks(_ request: SnapshotListRequest) async throws(SiteError) -> [ArchivedDisk]
  /// Forgets disks and gives back their room; those that are gone are fine.
  func forget(_ request: ForgetRequest) async throws(SiteError)
  /// Has a disk of an open export copied into a repository, and says how far that is.
  func archive(
    _ copy: CopyIdentifier,
    _ request: ArchiveRequest
  ) async throws(SiteError) -> ArchiveReply
  /// Ends a copy into a repository and forgets how it ended; one that is gone already is fine.
  func deleteArchive(_ copy: CopyIdentifier) async throws(SiteError)
  /// Has a disk of a repository written to a file, and says how far that is; ``deleteCopy(_:in:)``
  /// deletes it.
  func restore(
    _ copy: CopyIdentifier,
    _ request: RestoreRequest
  ) async throws(SiteError) -> CopyReply

  // MARK: Files

  func fileSessions() async throws(SiteError) -> [FileSessionStatus]
  /// Begins a session for files; it mounts after the answer.
  func openFiles(
    _ session: ExportIdentifier,
    _ request: FileSessionRequest
  ) async throws(SiteError) -> FileSessionStatus
  func listFiles(
    _ session: ExportIdentifier,
    _ request: FileListRequest
  ) async throws(SiteError) -> FileListReply
  func fileContent(
    _ session: ExportIdentifier,
    path: String
  ) async throws(SiteError) -> ControlContent
  /// Ends a session; one that is gone already is fine.
  /// Begins to compare a session with another one of this appliance.
  func compareFiles(
    _ session: ExportIdentifier,
    _ request: FileComparisonRequest
  ) async throws(SiteError)
  func fileComparison(
    _ session: ExportIdentifier,
    _ page: FileComparisonPage
  ) async throws(SiteError) -> FileComparisonReply
  func closeFiles(_ session: ExportIdentifier) async throws(SiteError)
}
