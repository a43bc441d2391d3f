// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel

/// An appliance behind its control port.
struct RemoteAppliance: ApplianceControl {
  let client: ApplianceClient

  func status(timeout: Duration?) async throws(SiteError) -> ApplianceStatus {
    do { return try await client.status(timeout: timeout) } catch { throw SiteError(error) }
  }

  func restart() async throws(SiteError) {
    do { try await client.restart() } catch { throw SiteError(error) }
  }

  func setTrust(_ request: TrustRequest) async throws(SiteError) {
    do { try await client.setTrust(request) } catch { throw SiteError(error) }
  }

  func setBandwidth(_ request: BandwidthRequest) async throws(SiteError) {
    do { try await client.setBandwidth(request) } catch { throw SiteError(error) }
  }

  func protect(
    _ stream: StreamIdentifier,
    _ request: ProtectRequest
  ) async throws(SiteError) -> ProtectReply {
    do { return try await client.protect(stream, request) } catch { throw SiteError(error) }
  }

  func endStream(_ stream: StreamIdentifier) async throws(SiteError) {
    do { try await client.endStream(stream) } catch { try SiteError.unlessGone(error) }
  }

  func beginSync(
    _ stream: StreamIdentifier,
    _ request: BeginSyncRequest
  ) async throws(SiteError) -> BeginSyncReply {
    do { return try await client.beginSync(stream, request) } catch { throw SiteError(error) }
  }

  func sync(_ stream: StreamIdentifier, _ request: SyncRequest) async throws(SiteError) {
    do { try await client.sync(stream, request) } catch { throw SiteError(error) }
  }

  func mark(_ request: MarkRequest) async throws(SiteError) -> MarkReply {
    do { return try await client.mark(request) } catch { throw SiteError(error) }
  }

  func hold(_ request: HoldRequest) async throws(SiteError) -> MarkReply {
    do { return try await client.hold(request) } catch { throw SiteError(error) }
  }

  func release(_ request: ReleaseRequest) async throws(SiteError) -> MarkReply {
    do { return try await client.release(request) } catch { throw SiteError(error) }
  }

  func keepJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(SiteError) {
    do { try await client.keepJournal(stream, request) } catch { throw SiteError(error) }
  }

  func handOverJournal(_ stream: StreamIdentifier) async throws(SiteError) {
    do { try await client.handOverJournal(stream) } catch { throw SiteError(error) }
  }

  func takeOverJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(SiteError) {
    do { try await client.takeOverJournal(stream, request) } catch { throw SiteError(error) }
  }

  func endJournal(_ stream: StreamIdentifier, keepsReplica: Bool) async throws(SiteError) {
    do { try await client.endJournal(stream, keepingReplica: keepsReplica) } catch {
      try SiteError.unlessGone(error)
    }
  }

  func accept(_ stream: StreamIdentifier, _ isAccepting: Bool) async throws(SiteError) {
    do { try await client.accept(stream, AcceptRequest(isAccepting: isAccepting)) } catch {
      throw SiteError(error)
    }
  }

  func promote(
    _ stream: StreamIdentifier,
    to checkpoint: CheckpointIdentifier
  ) async throws(SiteError) {
    do { try await client.promote(stream, PromoteRequest(checkpoint: checkpoint)) } catch {
      throw SiteError(error)
    }
  }

  func checkpoints(of stream: StreamIdentifier) async throws(SiteError) -> [Checkpoint] {
    do { return try await client.checkpoints(of: stream) } catch { throw SiteError(error) }
  }

  func changes(
    of stream: StreamIdentifier,
    _ request: ChangesRequest
  ) async throws(SiteError) -> ChangesReply {
    do { return try await client.changes(of: stream, request) } catch { throw SiteError(error) }
  }

  func exports() async throws(SiteError) -> [ExportStatus] {
    do { return try await client.exports() } catch { throw SiteError(error) }
  }

  func openExport(
    _ export: ExportIdentifier,
    _ request: ExportRequest
  ) async throws(SiteError) -> ExportReply {
    do { return try await client.openExport(export, request) } catch { throw SiteError(error) }
  }

  func closeExport(_ export: ExportIdentifier) async throws(SiteError) {
    do { try await client.closeExport(export) } catch { try SiteError.unlessGone(error) }
  }

  func prepareAdoption(of export: ExportIdentifier) async throws(SiteError) {
    do { try await client.prepareAdoption(of: export) } catch { throw SiteError(error) }
  }

  func dataByteCounts(
    of export: ExportIdentifier
  ) async throws(SiteError) -> [VolumeIdentifier: UInt64] {
    do { return try await client.dataByteCounts(of: export) } catch { throw SiteError(error) }
  }

  func copy(
    _ copy: CopyIdentifier,
    _ request: CopyRequest
  ) async throws(SiteError) -> CopyReply {
    do { return try await client.copy(copy, request) } catch { throw SiteError(error) }
  }

  func deleteCopy(_ copy: CopyIdentifier, in folder: String) async throws(SiteError) {
    do { try await client.deleteCopy(copy, in: folder) } catch { try SiteError.unlessGone(error) }
  }

  func read(_ request: PointReadRequest) async throws(SiteError) -> PointReadReply {
    do { return try await client.read(request) } catch { throw SiteError(error) }
  }

  func overlay(_ request: OverlayRequest) async throws(SiteError) -> OverlayReply {
    do { return try await client.overlay(request) } catch { throw SiteError(error) }
  }

  func write(_ piece: OverlayPiece) async throws(SiteError) {
    do { try await client.write(piece) } catch { throw SiteError(error) }
  }

  func sealOverlay(at path: String) async throws(SiteError) {
    do { try await client.sealOverlay(at: path) } catch { throw SiteError(error) }
  }

  func commitOverlay(at path: String) async throws(SiteError) {
    do { try await client.commitOverlay(at: path) } catch { throw SiteError(error) }
  }

  func deleteOverlay(at path: String) async throws(SiteError) {
    do { try await client.deleteOverlay(at: path) } catch { try SiteError.unlessGone(error) }
  }

  func check(_ request: RepositoryRequest) async throws(SiteError) -> RepositoryReply {
    do { return try await client.check(request) } catch { throw SiteError(error) }
  }

  func archivedDisks(
    _ request: SnapshotListRequest
  ) async throws(SiteError) -> [ArchivedDisk] {
    do { return try await client.archivedDisks(request) } catch { throw SiteError(error) }
  }

  func forget(_ request: ForgetRequest) async throws(SiteError) {
    do { try await client.forget(request) } catch { throw SiteError(error) }
  }

  func archive(
    _ copy: CopyIdentifier,
    _ request: ArchiveRequest
  ) async throws(SiteError) -> ArchiveReply {
    do { return try await client.archive(copy, request) } catch { throw SiteError(error) }
  }

  func deleteArchive(_ copy: CopyIdentifier) async throws(SiteError) {
    do { try await client.deleteArchive(copy) } catch { try SiteError.unlessGone(error) }
  }

  func restore(
    _ copy: CopyIdentifier,
    _ request: RestoreRequest
  ) async throws(SiteError) -> CopyReply {
    do { return try await client.restore(copy, request) } catch { throw SiteError(error) }
  }

  func fileSessions() async throws(SiteError) -> [FileSessionStatus] {
    do { return try await client.fileSessions() } catch { throw SiteError(error) }
  }

  func openFiles(
    _ session: ExportIdentifier,
    _ request: FileSessionRequest
  ) async throws(SiteError) -> FileSessionStatus {
    do { return try await client.openFiles(session, request) } catch { throw SiteError(error) }
  }

  func listFiles(
    _ session: ExportIdentifier,
    _ request: FileListRequest
  ) async throws(SiteError) -> FileListReply {
    do { return try await client.listFiles(session, request) } catch { throw SiteError(error) }
  }

  func fileContent(
    _ session: ExportIdentifier,
    path: String
  ) async throws(SiteError) -> ControlContent {
    do { return try await client.fileContent(session, path: path) } catch { throw SiteError(error) }
  }

  func compareFiles(
    _ session: ExportIdentifier,
    _ request: FileComparisonRequest
  ) async throws(SiteError) {
    do { try await client.compareFiles(session, request) } catch { throw SiteError(error) }
  }

  func fileComparison(
    _ session: ExportIdentifier,
    _ page: FileComparisonPage
  ) async throws(SiteError) -> FileComparisonReply {
    do { return try await client.fileComparison(session, page) } catch { throw SiteError(error) }
  }

  func closeFiles(_ session: ExportIdentifier) async throws(SiteError) {
    do { try await client.closeFiles(session) } catch { try SiteError.unlessGone(error) }
  }
}
