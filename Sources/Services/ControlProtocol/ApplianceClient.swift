// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
package import RecoveryModel

/// A manager's view of one appliance of its site: a method for each route.
package struct ApplianceClient: Sendable {
  /// Folding a long journal, or syncing a slow disk before answering, takes its time.
  static let longTimeout = Duration.seconds(3600)
  static let mediumTimeout = Duration.seconds(60)

  let client: ControlClient

  package init(
    host: String,
    port: Int,
    site: SiteIdentifier,
    identity: TLSIdentity,
    trust: TrustStore
  ) {
    client = ControlClient(
      host: host,
      port: port,
      role: .appliance,
      site: site,
      identity: identity,
      trust: trust
    )
  }

  /// All the appliance knows of itself.
  ///
  /// A watchdog asks with a short timeout.
  package func status(timeout: Duration? = nil) async throws(ControlError) -> ApplianceStatus {
    try await client.send(.get, ApplianceRoutes.status, timeout: timeout)
  }

  /// Has the worker end, and be started anew.
  package func restart() async throws(ControlError) {
    try await client.perform(.post, ApplianceRoutes.restart)
  }

  /// Replaces the authorities the appliance trusts.
  package func setTrust(_ request: TrustRequest) async throws(ControlError) {
    try await client.perform(.put, ApplianceRoutes.trust, body: request)
  }

  /// Limits what the appliance's streams take of the line.
  package func setBandwidth(_ request: BandwidthRequest) async throws(ControlError) {
    try await client.perform(.put, ApplianceRoutes.bandwidth, body: request)
  }

  /// Makes or changes a stream.
  package func protect(
    _ stream: StreamIdentifier,
    _ request: ProtectRequest
  ) async throws(ControlError) -> ProtectReply {
    try await client.send(.put, ApplianceRoutes.stream(stream), body: request)
  }

  /// Ends a stream at its sender.
  package func endStream(_ stream: StreamIdentifier) async throws(ControlError) {
    try await client.perform(.delete, ApplianceRoutes.stream(stream), timeout: Self.mediumTimeout)
  }

  /// Has a stream keep all writes, for a sync by maps of changes that is to follow.
  package func beginSync(
    _ stream: StreamIdentifier,
    _ request: BeginSyncRequest
  ) async throws(ControlError) -> BeginSyncReply {
    try await client.send(.post, ApplianceRoutes.beginSync(stream), body: request)
  }

  /// Begins a sync, which goes on after the answer.
  package func sync(
    _ stream: StreamIdentifier,
    _ request: SyncRequest
  ) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.sync(stream),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Marks a checkpoint in several streams as of one instant.
  package func mark(_ request: MarkRequest) async throws(ControlError) -> MarkReply {
    try await client.send(.post, ApplianceRoutes.checkpoints, body: request)
  }

  /// Keeps acknowledgements of several streams back; waits no longer than the hold's limit.
  package func hold(_ request: HoldRequest) async throws(ControlError) -> MarkReply {
    try await client.send(
      .post,
      ApplianceRoutes.holds,
      body: request,
      timeout: .milliseconds(request.limitInMilliseconds)
    )
  }

  /// Lets held streams go; waits a second, by when they have let go by themselves.
  package func release(_ request: ReleaseRequest) async throws(ControlError) -> MarkReply {
    try await client.send(
      .post,
      ApplianceRoutes.releases,
      body: request,
      timeout: .seconds(1)
    )
  }

  /// Makes or changes a journal with its replicas.
  package func keepJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(ControlError) {
    try await client.perform(
      .put,
      ApplianceRoutes.journal(stream),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Deletes a journal, and its replicas unless they are to stay.
  package func endJournal(
    _ stream: StreamIdentifier,
    keepingReplica: Bool
  ) async throws(ControlError) {
    try await client.perform(
      .delete,
      ApplianceRoutes.journal(stream),
      query: ["keepReplica": "\(keepingReplica)"],
      timeout: Self.mediumTimeout
    )
  }

  /// Has a journal closed, and left to the appliance that takes it over.
  package func handOverJournal(_ stream: StreamIdentifier) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.handOver(stream),
      timeout: Self.mediumTimeout
    )
  }

  /// Has a journal opened that another appliance handed over.
  package func takeOverJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.takeOver(stream),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Lets a journal take writes, or not.
  package func accept(
    _ stream: StreamIdentifier,
    _ request: AcceptRequest
  ) async throws(ControlError) {
    try await client.perform(.post, ApplianceRoutes.accept(stream), body: request)
  }

  /// Folds a journal into its replicas; the answer comes when that is done.
  package func promote(
    _ stream: StreamIdentifier,
    _ request: PromoteRequest
  ) async throws(ControlError) {
    try await client.perform(
      .post,
      ApplianceRoutes.promote(stream),
      body: request,
      timeout: Self.longTimeout
    )
  }

  /// The checkpoints that are durable in a journal, oldest first.
  package func checkpoints(
    of stream: StreamIdentifier
  ) async throws(ControlError) -> [Checkpoint] {
    try await client.send(
      .get,
      ApplianceRoutes.journalCheckpoints,
      query: ["stream": stream.rawValue]
    )
  }

  /// What was written between two points.
  package func changes(
    of stream: StreamIdentifier,
    _ request: ChangesRequest
  ) async throws(ControlError) -> ChangesReply {
    try await client.send(
      .post,
      ApplianceRoutes.changes(stream),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// The exports there are.
  package func exports() async throws(ControlError) -> [ExportStatus] {
    try await client.send(.get, ApplianceRoutes.exports)
  }

  /// Offers a stream's disks as of a point.
  package func openExport(
    _ export: ExportIdentifier,
    _ request: ExportRequest
  ) async throws(ControlError) -> ExportReply {
    try await client.send(
      .put,
      ApplianceRoutes.export(export),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// Closes an export and deletes its overlays.
  package func closeExport(_ export: ExportIdentifier) async throws(ControlError) {
    try await client.perform(.delete, ApplianceRoutes.export(export), timeout: Self.mediumTimeout)
  }

  /// Makes the overlays through which a VM on an export gets to its replicas.
  package func prepareAdoption(of export: ExportIdentifier) async throws(ControlError) {
    try await client.perform(
      .put,
      ApplianceRoutes.exportAdoption(export),
      timeout: Self.mediumTimeout
    )
  }

  /// How much of each disk of an export is to be copied.
  package func dataByteCounts(
    of export: ExportIdentifier
  ) async throws(ControlError) -> [VolumeIdentifier: UInt64] {
    try await client.send(
      .get,
      ApplianceRoutes.exportData(export),
      timeout: Self.mediumTimeout
    )
  }

  /// Has a disk of an export copied, and asks how far that is.
  package func copy(
    _ copy: CopyIdentifier,
    _ request: CopyRequest
  ) async throws(ControlError) -> CopyReply {
    try await client.send(.put, ApplianceRoutes.copy(copy), body: request)
  }

  /// Ends a copy and deletes its file.
  package func deleteCopy(
    _ copy: CopyIdentifier,
    in folder: String
  ) async throws(ControlError) {
    try await client.perform(
      .delete,
      ApplianceRoutes.copy(copy),
      query: ["folder": folder],
      timeout: Self.mediumTimeout
    )
  }

  /// The sessions for files there are.
  package func fileSessions() async throws(ControlError) -> [FileSessionStatus] {
    try await client.send(.get, ApplianceRoutes.fileSessions)
  }

  /// Begins to mount; the answer does not wait for it.
  package func openFiles(
    _ session: ExportIdentifier,
    _ request: FileSessionRequest
  ) async throws(ControlError) -> FileSessionStatus {
    try await client.send(
      .put,
      ApplianceRoutes.fileSession(session),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// A part of a folder.
  package func listFiles(
    _ session: ExportIdentifier,
    _ request: FileListRequest
  ) async throws(ControlError) -> FileListReply {
    try await client.send(
      .post,
      ApplianceRoutes.fileList(session),
      body: request,
      timeout: Self.mediumTimeout + Self.mediumTimeout
    )
  }

  /// A file's bytes, or a folder's as an archive.
  package func fileContent(
    _ session: ExportIdentifier,
    path: String
  ) async throws(ControlError) -> ControlContent {
    try await client.content(ApplianceRoutes.fileContent(session), query: ["path": path])
  }

  /// Begins to compare a session with another; the answer does not wait for it.
  package func compareFiles(
    _ session: ExportIdentifier,
    _ request: FileComparisonRequest
  ) async throws(ControlError) {
    try await client.perform(
      .put,
      ApplianceRoutes.fileComparison(session),
      body: request,
      timeout: Self.mediumTimeout
    )
  }

  /// The comparison of a session that was begun last, as far as it is.
  package func fileComparison(
    _ session: ExportIdentifier,
    _ page: FileComparisonPage
  ) async throws(ControlError) -> FileComparisonReply {
    try await client.send(
      .post,
      ApplianceRoutes.fileComparison(session),
      body: page,
      timeout: Self.mediumTimeout
    )
  }

  /// Ends a session.
  package func closeFiles(_ session: ExportIdentifier) async throws(ControlError) {
    try await client.perform(
      .delete,
      ApplianceRoutes.fileSession(session),
      timeout: Self.mediumTimeout
    )
  }
}
