// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel

/// One session with one file system, whose files hold their own paths.
extension FakeSite {
  static let files = ExportIdentifier(fileSession: "6b1f2c0e-0000-4000-8000-0000000000f1")

  func openFiles(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    at checkpoint: CheckpointIdentifier,
    user: String
  ) -> FileSessionView {
    Self.fileSession(vm, vpg, checkpoint)
  }

  func fileSessions() -> [FileSessionView] {
    [Self.fileSession(VMIdentifier("vm"), VPGIdentifier("vpg"), CheckpointIdentifier(1))]
  }

  func listFiles(
    _ session: String,
    _ request: FileListRequest
  ) throws(SiteError) -> FileListReply {
    try Self.check(session)
    return FileListReply(
      folder: Self.entry(request.path, .folder),
      entries: [Self.entry("/vda1/a b", .file), Self.entry("/vda1/l", .link)],
      totalCount: request.first + 2
    )
  }

  func fileContent(_ session: String, path: String) throws(SiteError) -> ControlContent {
    try Self.check(session)
    return ControlContent(
      byteCount: path.utf8.count,
      parts: AsyncThrowingStream { continuation in
        continuation.yield(Array(path.utf8))
        continuation.finish()
      }
    )
  }

  func compareFiles(_ session: String, before: String, folder: String) throws(SiteError) {
    try Self.check(session)
    try Self.check(before)
  }

  /// A file that is new and one that was written, of five.
  func fileComparison(
    _ session: String,
    _ page: FileComparisonPage
  ) throws(SiteError) -> FileComparisonReply {
    try Self.check(session)
    let facts = FileComparisonReply.Facts(
      kind: .file,
      byteCount: 7,
      modified: Self.time,
      mode: 0o640,
      user: 33,
      group: 4
    )
    var written = facts
    written.byteCount = 8
    let changes = [
      FileComparisonReply.Change(path: "/vda1/new", before: nil, after: facts, aspects: []),
      .init(path: "/vda1/old", before: facts, after: written, aspects: ["size", "modified"]),
    ]
    return FileComparisonReply(
      request: FileComparisonRequest(before: Self.files, folder: "/"),
      isDone: true,
      lookedAtCount: 5,
      fileSystems: [.init(name: "vda1", addedCount: 1, changedCount: 1)],
      problems: ["vdb1: swap"],
      listedCount: 2,
      changes: Array(changes.dropFirst(page.first).prefix(page.count))
    )
  }

  func closeFiles(_ session: String, user: String) throws(SiteError) { try Self.check(session) }

  private static func check(_ session: String) throws(SiteError) {
    guard session == files.rawValue else { throw .notFound("There is no session \(session).") }
  }

  private static func fileSession(
    _ vm: VMIdentifier,
    _ vpg: VPGIdentifier,
    _ checkpoint: CheckpointIdentifier
  ) -> FileSessionView {
    FileSessionView(
      status: FileSessionStatus(
        identifier: files,
        request: FileSessionRequest(
          stream: StreamIdentifier("stream"),
          point: .checkpoint(checkpoint)
        ),
        began: time,
        state: .mounted,
        problems: ["vdb1: swap"]
      ),
      vpg: vpg,
      vm: vm
    )
  }

  private static func entry(
    _ path: String,
    _ kind: FileListReply.Entry.Kind
  ) -> FileListReply.Entry {
    FileListReply.Entry(
      path: path,
      kind: kind,
      byteCount: 7,
      modified: time,
      accessed: time,
      linkTarget: kind == .link ? "/etc/passwd" : nil
    )
  }
}
