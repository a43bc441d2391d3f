// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Dispatch
internal import FileRestore
internal import Foundation
internal import Logging
internal import RecoveryModel
internal import ReplicationTransport
internal import ServiceLifecycle
internal import Synchronization

/// The sessions in which files of a point are read.
///
/// A session is an export of its own, which is recorded before anything else, and a ``FileReader``
/// of it. None outlives the process: what an earlier one left is closed at the start.
final class FileSessions: Service, Sendable {
  /// Each takes the memory of a small virtual machine.
  private static let limit = 4

  enum Reading: Sendable {
    case mounting
    case mounted(FileReader)
    case failed(String)
  }

  struct Session: Sendable {
    var status: FileSessionStatus
    var reading = Reading.mounting
    var lastUse = ContinuousClock.now
    var useCount = 0
    /// With an earlier point: the last one that was asked for.
    var comparison: FileComparison?
  }

  /// What goes on after the call that asked for it.
  enum Wish: Sendable {
    case mount(ExportIdentifier)
    case compare(FileComparison, ExportIdentifier)
  }

  private let exports: ExportRegistry
  private let folder: String
  private let sockets: SocketAccess
  private let idleLimit: Duration
  private let logger: Logger
  let sessions = Mutex<[ExportIdentifier: Session]>([:])
  private let wishes: AsyncStream<Wish>
  let newWish: AsyncStream<Wish>.Continuation

  /// Sessions nobody uses for `idleLimit` end; `folder` is their scratch.
  init(
    exports: ExportRegistry,
    folder: String,
    sockets: SocketAccess = .own,
    idleLimit: Duration = .seconds(900),
    logger: Logger
  ) {
    self.exports = exports
    self.folder = folder
    self.sockets = sockets
    self.idleLimit = idleLimit
    self.logger = logger
    (wishes, newWish) = AsyncStream.makeStream()
  }

  /// Ends what an earlier process left; call it after the exports are open.
  func clean() throws {
    for export in exports.identifiers where export.isFileSession { try exports.delete(export) }
    try? FileManager.default.removeItem(atPath: folder + "/sessions")
    openFolder()
  }

  /// Lets the user that reads files through the folder.
  ///
  /// restic keeps its cache in there, and would make the folder for its own user alone.
  private func openFolder() {
    let files = FileManager.default
    do {
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try files.setAttributes([.posixPermissions: 0o711], ofItemAtPath: folder)
    } catch {
      logger.warning("no files of points can be read", metadata: ["reason": "\(error)"])
    }
  }

  /// Mounts what is asked for and ends idle sessions, until the process is to end; then ends all.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withDiscardingTaskGroup { group in
        group.addTask { await self.endIdle() }
        for await wish in wishes {
          group.addTask {
            switch wish {
            case .mount(let session): try? await Blocking.run { self.mount(session) }
            case .compare(let comparison, let session): await self.carryOut(comparison, of: session)
            }
          }
        }
        group.cancelAll()
      }
    }
    for session in sessions.withLock({ Array($0.keys) }) { try? delete(session) }
  }

  // MARK: Calls

  var statuses: [FileSessionStatus] {
    sessions.withLock { $0.values.map(\.status).sorted { $0.identifier < $1.identifier } }
  }

  /// Begins a session, or finds it.
  func put(
    _ identifier: ExportIdentifier,
    _ request: FileSessionRequest
  ) throws -> FileSessionStatus {
    guard identifier.isFileSession else {
      throw ControlFailure(status: 400, message: "\(identifier) is no name of a session")
    }
    let status = FileSessionStatus(
      identifier: identifier,
      request: request,
      began: .ofThisMachine()
    )
    let known = try sessions.withLock { sessions -> FileSessionStatus? in
      if let known = sessions[identifier]?.status { return known }
      guard sessions.count < Self.limit else {
        throw ControlFailure(
          status: 409,
          message: "\(Self.limit) sessions for files are open at this appliance: end one first"
        )
      }
      sessions[identifier] = Session(status: status)
      return nil
    }
    if let known { return known }
    do {
      _ = try exports.put(
        identifier,
        ExportRequest(stream: request.stream, point: request.point, overlayFolder: nil)
      )
    } catch {
      sessions.withLock { $0[identifier] = nil }
      throw error
    }
    newWish.yield(.mount(identifier))
    return status
  }

  func list(_ identifier: ExportIdentifier, _ request: FileListRequest) throws -> FileListReply {
    try using(identifier) { reader in
      let listing = try reader.list(request.path, first: request.first, count: request.count)
      return FileListReply(
        folder: FileListReply.Entry(listing.folder),
        entries: listing.entries.map(FileListReply.Entry.init),
        totalCount: listing.totalCount
      )
    }
  }

  /// The content of a file, or of a folder as an archive.
  func content(_ identifier: ExportIdentifier, path: String) throws -> ControlContent {
    let content = try using(identifier) { try $0.content(of: path) }
    sessions.withLock { $0[identifier]?.useCount += 1 }
    let transfer = FileTransfer(content) { [self] in
      sessions.withLock { sessions in
        sessions[identifier]?.useCount -= 1
        sessions[identifier]?.lastUse = .now
      }
    }
    return ControlContent(
      byteCount: content.byteCount.map(Int.init),
      parts: AsyncThrowingStream { try await transfer.next() }
    )
  }

  /// Ends a session; one that is gone is fine.
  func delete(_ identifier: ExportIdentifier) throws {
    guard identifier.isFileSession else { return }
    let session = sessions.withLock { $0.removeValue(forKey: identifier) }
    if case .mounted(let reader) = session?.reading { reader.close() }
    try exports.delete(identifier)
  }

  // MARK: Parts

  private func mount(_ identifier: ExportIdentifier) {
    guard let export = exports.statuses.first(where: { $0.identifier == identifier }) else {
      return
    }
    let disks = export.reply.volumes.map {
      FileReader.Disk(
        name: $0.target,
        socketPath: export.reply.socketPath,
        exportName: $0.identifier.rawValue
      )
    }
    do throws(FileRestoreError) {
      let reader = try FileReader(
        disks: disks,
        folder: folder + "/sessions/\(identifier)",
        cacheFolder: folder + "/cache",
        user: sockets.readerUser
      )
      for problem in reader.problems {
        logger.notice(
          "a file system cannot be read: \(problem)",
          metadata: ["session": "\(identifier)"]
        )
      }
      let isWanted = sessions.withLock { sessions in
        guard sessions[identifier] != nil else { return false }
        sessions[identifier]?.reading = .mounted(reader)
        sessions[identifier]?.status.state = .mounted
        sessions[identifier]?.status.problems = reader.problems
        sessions[identifier]?.lastUse = .now
        return true
      }
      if !isWanted { reader.close() }
    } catch {
      logger.error("files cannot be read: \(error)", metadata: ["session": "\(identifier)"])
      sessions.withLock { sessions in
        sessions[identifier]?.reading = .failed(error.description)
        sessions[identifier]?.status.state = .failed
        sessions[identifier]?.status.problems = [error.description]
        sessions[identifier]?.lastUse = .now
      }
      // Nothing reads it: the journal need not wait for it.
      try? exports.delete(identifier)
    }
  }

  func using<Result>(
    _ identifier: ExportIdentifier,
    _ body: (FileReader) throws -> Result
  ) throws -> Result {
    let reading = sessions.withLock { sessions in
      sessions[identifier]?.lastUse = .now
      return sessions[identifier]?.reading
    }
    switch reading {
    case nil:
      throw ControlFailure(status: 404, message: "There is no session \(identifier).")
    case .mounting:
      throw ControlFailure(status: 409, message: "The disks are still being mounted.")
    case .failed(let words): throw ControlFailure(status: 409, message: words)
    case .mounted(let reader):
      do { return try body(reader) } catch let error as FileRestoreError { throw error.failure }
    }
  }

  private func endIdle() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: min(idleLimit, .seconds(10)))
      let oldest = ContinuousClock.now - idleLimit
      let idle = sessions.withLock { sessions in
        sessions.filter { _, session in
          if case .mounting = session.reading { return false }
          return session.useCount == 0 && session.lastUse < oldest
        }.map(\.key)
      }
      for session in idle {
        logger.info("a session for files ends: nobody uses it", metadata: ["session": "\(session)"])
        try? await Blocking.run { try self.delete(session) }
      }
    }
  }
}

/// A content on its way to a client: it is given up when nobody takes it any more.
private final class FileTransfer: Sendable {
  private let content: FileContent
  private let onEnd: @Sendable () -> Void

  init(_ content: FileContent, onEnd: @escaping @Sendable () -> Void) {
    self.content = content
    self.onEnd = onEnd
  }

  deinit {
    // Closing waits for guestfish.
    DispatchQueue.global().async { [content, onEnd] in
      content.close()
      onEnd()
    }
  }

  func next() async throws -> [UInt8]? {
    try await Blocking.run { [content] in try content.next() }
  }
}

extension FileListReply.Entry {
  fileprivate init(_ entry: FileEntry) {
    self.init(
      path: entry.path,
      kind: Kind(entry.kind),
      byteCount: entry.byteCount,
      modified: WallTime(milliseconds: entry.modified.multipliedReportingOverflow(by: 1000).0),
      accessed: WallTime(milliseconds: entry.accessed.multipliedReportingOverflow(by: 1000).0),
      linkTarget: entry.linkTarget
    )
  }
}

extension FileListReply.Entry.Kind {
  init(_ kind: FileEntry.Kind) {
    self =
      switch kind {
      case .folder: .folder
      case .file: .file
      case .link: .link
      case .special: .special
      }
  }
}

extension FileRestoreError {
  /// What a control port answers.
  fileprivate var failure: ControlFailure {
    switch self {
    case .invalid(let text): ControlFailure(status: 400, message: text)
    case .notFound(let text): ControlFailure(status: 404, message: text)
    case .busy(let text): ControlFailure(status: 409, message: text)
    case .failed(let text): ControlFailure(status: 500, message: text)
    }
  }
}
