// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Glibc
internal import Identity
internal import RecoveryModel

/// What an appliance's control port answers, and to whom: the manager of its own site alone.
struct ApplianceAnswers: Sendable {
  let parts: ApplianceParts

  /// Adds every route of ``ApplianceRoutes``.
  func add(to routes: ControlRoutes) {
    addCommon(routes)
    addProtection(routes)
    addRecovery(routes)
    addCopies(routes)
    addOverlays(routes)
    addArchives(routes)
    addFiles(routes)
  }

  private var manager: PeerRule { .manager(of: parts.configuration.site) }
  private var anyStream: StreamIdentifier { StreamIdentifier(":stream") }
  private var anyExport: ExportIdentifier { ExportIdentifier(":export") }

  private func addCommon(_ routes: ControlRoutes) {
    routes.on(.get, ApplianceRoutes.status, from: manager) { _ -> ApplianceStatus in
      try await Blocking.run { parts.status() }
    }
    routes.on(.post, ApplianceRoutes.restart, from: manager) { _ -> Void in
      // As a service manager would: the answer is sent before the worker ends.
      kill(getpid(), SIGTERM)
    }
    routes.on(.put, ApplianceRoutes.trust, from: manager) { request -> Void in
      let wish = try request.body(as: TrustRequest.self)
      try await Blocking.run { try parts.trust(wish) }
    }
    routes.on(.put, ApplianceRoutes.bandwidth, from: manager) { request -> Void in
      let wish = try request.body(as: BandwidthRequest.self)
      try await Blocking.run { try parts.limit(wish) }
    }
  }

  private func addProtection(_ routes: ControlRoutes) {
    let streams = parts.streams
    routes.on(.put, ApplianceRoutes.stream(anyStream), from: manager) { request -> ProtectReply in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: ProtectRequest.self)
      return try await Blocking.run { try streams.protect(stream, wish) }
    }
    routes.on(.delete, ApplianceRoutes.stream(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      try await Blocking.run { streams.unprotect(stream) }
    }
    routes.on(.post, ApplianceRoutes.beginSync(anyStream), from: manager) {
      request -> BeginSyncReply in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: BeginSyncRequest.self)
      return try await Blocking.run { try streams.beginSync(stream, wish) }
    }
    routes.on(.post, ApplianceRoutes.sync(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: SyncRequest.self)
      try await Blocking.run { try streams.sync(stream, wish) }
    }
    routes.on(.post, ApplianceRoutes.checkpoints, from: manager) { request -> MarkReply in
      let wish = try request.body(as: MarkRequest.self)
      return try await Blocking.run { streams.mark(wish) }
    }
    routes.on(.post, ApplianceRoutes.holds, from: manager) { request -> MarkReply in
      let wish = try request.body(as: HoldRequest.self)
      return try await Blocking.run { streams.hold(wish) }
    }
    routes.on(.post, ApplianceRoutes.releases, from: manager) { request -> MarkReply in
      let wish = try request.body(as: ReleaseRequest.self)
      return try await Blocking.run { streams.release(wish) }
    }
  }

  private func addRecovery(_ routes: ControlRoutes) {
    let journals = parts.journals
    let exports = parts.exports
    routes.on(.put, ApplianceRoutes.journal(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: JournalRequest.self)
      try await Blocking.run { try journals.put(stream, wish) }
    }
    routes.on(.delete, ApplianceRoutes.journal(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let keepsReplica = try request.flag("keepReplica", default: true)
      try await Blocking.run { try journals.delete(stream, keepReplica: keepsReplica) }
    }
    routes.on(.post, ApplianceRoutes.handOver(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      try await Blocking.run { try journals.handOver(stream) }
    }
    routes.on(.post, ApplianceRoutes.takeOver(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: JournalRequest.self)
      try await Blocking.run { try journals.takeOver(stream, wish) }
    }
    routes.on(.post, ApplianceRoutes.accept(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: AcceptRequest.self)
      try await Blocking.run { try journals.accept(stream, wish) }
    }
    routes.on(.post, ApplianceRoutes.promote(anyStream), from: manager) { request -> Void in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: PromoteRequest.self)
      try await Blocking.run { try journals.promote(stream, wish) }
    }
    routes.on(.get, ApplianceRoutes.journalCheckpoints, from: manager) {
      request -> [Checkpoint] in
      guard let stream = request.query("stream") else {
        throw ControlFailure(status: 400, message: "the query names no stream")
      }
      return try await Blocking.run { try journals.checkpoints(of: StreamIdentifier(stream)) }
    }
    routes.on(.post, ApplianceRoutes.changes(anyStream), from: manager) {
      request -> ChangesReply in
      let stream = try request.identifier("stream", as: StreamIdentifier.self)
      let wish = try request.body(as: ChangesRequest.self)
      return try await Blocking.run { try journals.changes(of: stream, wish) }
    }
    routes.on(.get, ApplianceRoutes.exports, from: manager) { _ -> [ExportStatus] in
      exports.statuses
    }
    routes.on(.put, ApplianceRoutes.export(anyExport), from: manager) {
      request -> ExportReply in
      let export = try request.identifier("export", as: ExportIdentifier.self)
      let wish = try request.body(as: ExportRequest.self)
      return try await Blocking.run { try exports.put(export, wish) }
    }
    routes.on(.delete, ApplianceRoutes.export(anyExport), from: manager) { request -> Void in
      let export = try request.identifier("export", as: ExportIdentifier.self)
      try await Blocking.run { try exports.delete(export) }
    }
    routes.on(.put, ApplianceRoutes.exportAdoption(anyExport), from: manager) {
      request -> Void in
      let export = try request.identifier("export", as: ExportIdentifier.self)
      try await Blocking.run { try exports.prepareAdoption(of: export) }
    }
  }

  private func addCopies(_ routes: ControlRoutes) {
    let copies = parts.copies
    let exports = parts.exports
    let anyCopy = CopyIdentifier(":copy")
    routes.on(.get, ApplianceRoutes.exportData(anyExport), from: manager) {
      request -> [VolumeIdentifier: UInt64] in
      let export = try request.identifier("export", as: ExportIdentifier.self)
      return try await Blocking.run { try exports.dataByteCounts(of: export) }
    }
    routes.on(.put, ApplianceRoutes.copy(anyCopy), from: manager) { request -> CopyReply in
      let copy = try request.identifier("copy", as: CopyIdentifier.self)
      let wish = try request.body(as: CopyRequest.self)
      return try await Blocking.run { try copies.put(copy, wish) }
    }
    routes.on(.delete, ApplianceRoutes.copy(anyCopy), from: manager) { request -> Void in
      let copy = try request.identifier("copy", as: CopyIdentifier.self)
      guard let folder = request.query("folder") else {
        throw ControlFailure(status: 400, message: "the query names no folder")
      }
      try await Blocking.run { try copies.delete(copy, in: folder) }
    }
  }

  private func addOverlays(_ routes: ControlRoutes) {
    let (journals, overlays) = (parts.journals, parts.overlays)
    routes.on(.post, ApplianceRoutes.pointData(anyStream), from: manager) {
      request -> PointReadReply in
      let wish = try request.body(as: PointReadRequest.self)
      return try await Blocking.run { try journals.read(wish) }
    }
    routes.on(.put, ApplianceRoutes.overlays, from: manager) { request -> OverlayReply in
      let wish = try request.body(as: OverlayRequest.self)
      return try await Blocking.run { try overlays.put(wish) }
    }
    routes.on(.post, ApplianceRoutes.overlayPieces, from: manager) { request -> Void in
      let piece = try request.body(as: OverlayPiece.self)
      try await Blocking.run { try overlays.write(piece) }
    }
    routes.on(.post, ApplianceRoutes.overlaySeals, from: manager) { request -> Void in
      let name = try request.body(as: OverlayName.self)
      try await Blocking.run { try overlays.seal(name.path) }
    }
    routes.on(.post, ApplianceRoutes.overlayCommits, from: manager) { request -> Void in
      let name = try request.body(as: OverlayName.self)
      try await Blocking.run { try overlays.commit(name.path) }
    }
    routes.on(.delete, ApplianceRoutes.overlays, from: manager) { request -> Void in
      guard let path = request.query("path") else {
        throw ControlFailure(status: 400, message: "the query names no path")
      }
      try await Blocking.run { try overlays.delete(path) }
    }
  }

  private func addArchives(_ routes: ControlRoutes) {
    let archives = parts.archives
    let copies = parts.copies
    let repositories = parts.repositories
    let anyCopy = CopyIdentifier(":copy")
    routes.on(.post, ApplianceRoutes.repository, from: manager) { request -> RepositoryReply in
      let wish = try request.body(as: RepositoryRequest.self)
      return try await Blocking.run { try repositories.check(wish) }
    }
    routes.on(.post, ApplianceRoutes.snapshots, from: manager) { request -> [ArchivedDisk] in
      let wish = try request.body(as: SnapshotListRequest.self)
      return try await Blocking.run { try repositories.disks(wish) }
    }
    routes.on(.post, ApplianceRoutes.forget, from: manager) { request -> Void in
      let wish = try request.body(as: ForgetRequest.self)
      try await Blocking.run { try repositories.forget(wish) }
    }
    routes.on(.put, ApplianceRoutes.archive(anyCopy), from: manager) { request -> ArchiveReply in
      let copy = try request.identifier("copy", as: CopyIdentifier.self)
      let wish = try request.body(as: ArchiveRequest.self)
      return try await Blocking.run { try archives.put(copy, wish) }
    }
    routes.on(.delete, ApplianceRoutes.archive(anyCopy), from: manager) { request -> Void in
      let copy = try request.identifier("copy", as: CopyIdentifier.self)
      try await Blocking.run { archives.delete(copy) }
    }
    routes.on(.put, ApplianceRoutes.restore(anyCopy), from: manager) { request -> CopyReply in
      let copy = try request.identifier("copy", as: CopyIdentifier.self)
      let wish = try request.body(as: RestoreRequest.self)
      return try await Blocking.run { try copies.put(copy, wish) }
    }
  }

  private func addFiles(_ routes: ControlRoutes) {
    let files = parts.files
    routes.on(.get, ApplianceRoutes.fileSessions, from: manager) { _ -> [FileSessionStatus] in
      files.statuses
    }
    routes.on(.put, ApplianceRoutes.fileSession(anyExport), from: manager) {
      request -> FileSessionStatus in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      let wish = try request.body(as: FileSessionRequest.self)
      return try await Blocking.run { try files.put(session, wish) }
    }
    routes.on(.post, ApplianceRoutes.fileList(anyExport), from: manager) {
      request -> FileListReply in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      let wish = try request.body(as: FileListRequest.self)
      return try await Blocking.run { try files.list(session, wish) }
    }
    routes.on(.put, ApplianceRoutes.fileComparison(anyExport), from: manager) {
      request -> Void in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      let wish = try request.body(as: FileComparisonRequest.self)
      try await Blocking.run { try files.compare(session, wish) }
    }
    routes.on(.post, ApplianceRoutes.fileComparison(anyExport), from: manager) {
      request -> FileComparisonReply in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      return try files.comparison(of: session, try request.body(as: FileComparisonPage.self))
    }
    routes.onContent(.get, ApplianceRoutes.fileContent(anyExport), from: manager) { request in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      guard let path = request.query("path") else {
        throw ControlFailure(status: 400, message: "the query names no path")
      }
      return try await Blocking.run { try files.content(session, path: path) }
    }
    routes.on(.delete, ApplianceRoutes.fileSession(anyExport), from: manager) { request -> Void in
      let session = try request.identifier("export", as: ExportIdentifier.self)
      try await Blocking.run { try files.delete(session) }
    }
  }
}
