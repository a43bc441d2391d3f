// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Logging
import RecoveryModel
import Testing

@testable import Appliance

/// Two points of a journal, whose files are compared by two sessions.
@Suite struct `Two sessions for files` {
  private static let volumeSize: UInt64 = 1 << 20
  private static let earlier = ExportIdentifier(fileSession: "earlier")
  private static let later = ExportIdentifier(fileSession: "later")

  /// `vda` is a FAT file system that is written to between the points, `vdb` becomes one.
  private func prepare(_ bench: RecoveryBench) throws {
    var request = bench.request
    for index in request.volumes.indices { request.volumes[index].byteCount = Self.volumeSize }
    try bench.prepare(request)
    let image = bench.root + "/fat"
    try make("mkfs.vfat -C \(image) 1024 && echo 1 | mcopy -i \(image) - ::gone", image)
    try make("mmd -i \(image) ::sub && echo 1 | mcopy -i \(image) - ::sub/written", image)
    try write(image, to: 0, bench)
    try bench.deliver(.mark(1))
    try make("mdel -i \(image) ::gone && echo 2 | mcopy -i \(image) - ::sub/new", image)
    try make("echo 22 | mcopy -o -i \(image) - ::sub/written", image)
    try write(image, to: 0, bench)
    try write(image, to: 1, bench)
    try bench.deliver(.mark(2))
  }

  private func make(_ script: String, _ image: String) throws {
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-euc", "exec >/dev/null; " + script]
    try shell.run()
    shell.waitUntilExit()
    try #require(shell.terminationStatus == 0)
  }

  private func write(_ image: String, to volume: UInt16, _ bench: RecoveryBench) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: image)))
    for offset in stride(from: 0, to: bytes.count, by: 1 << 16) {
      let part = Array(bytes[offset..<min(offset + 1 << 16, bytes.count)])
      try bench.deliver(.write(volume, UInt64(offset), part))
    }
  }

  private func request(_ mark: UInt64) -> FileSessionRequest {
    FileSessionRequest(
      stream: RecoveryBench.stream,
      point: .checkpoint(CheckpointIdentifier(mark))
    )
  }

  @Test(.timeLimit(.minutes(6)))
  func `tell what was added, removed and changed, and what cannot be compared`() async throws {
    setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1)
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try prepare(bench)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let sessions = FileSessions(
      exports: bench.exports,
      folder: bench.root + "/files",
      logger: logger
    )
    _ = try sessions.put(Self.earlier, request(1))
    _ = try sessions.put(Self.later, request(2))
    try refuse(409, sessions, FileComparisonRequest(before: Self.earlier, folder: "/"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await sessions.run() }
      while sessions.statuses.contains(where: { $0.state == .mounting }) {
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(sessions.statuses.allSatisfy { $0.state == .mounted })
      let all = try await compare("/", sessions)
      #expect(
        all.fileSystems == [.init(name: "vda", addedCount: 1, removedCount: 1, changedCount: 1)]
      )
      #expect(all.changes.map(\.path) == ["/vda/gone", "/vda/sub/new", "/vda/sub/written"])
      #expect(all.changes.map { $0.before == nil } == [false, true, false])
      #expect(all.changes.map { $0.after == nil } == [true, false, false])
      #expect(all.changes.last?.before?.byteCount == 2)
      #expect(all.changes.last?.after?.byteCount == 3)
      #expect(all.problems.contains("vdb can be read at the later point only"))
      #expect(all.lookedAtCount == 6)
      let sub = try await compare("//vda/sub/.", sessions)
      #expect(sub.request.folder == "/vda/sub")
      #expect(sub.changes.map(\.path) == ["/vda/sub/new", "/vda/sub/written"])
      let page = try sessions.comparison(of: Self.later, FileComparisonPage(first: 1, count: 1))
      #expect(page.listedCount == 2)
      #expect(page.changes.map(\.path) == ["/vda/sub/written"])
      let none = try await compare("/vda/none", sessions)
      #expect(none.problems == ["/vda/none: there is no such folder at either point"])
      let unknown = try await compare("/vdz", sessions)
      #expect(unknown.problems == ["there is no file system vdz that can be read"])
      try refuse(400, sessions, FileComparisonRequest(before: Self.later, folder: "/"))
      try refuse(400, sessions, FileComparisonRequest(before: Self.earlier, folder: "/vda/.."))
      // A file can still be fetched from either, and both end.
      #expect(try sessions.content(Self.later, path: "/vda/sub/new").byteCount == 2)
      for session in [Self.earlier, Self.later] { try sessions.delete(session) }
      try refuse(404, sessions, FileComparisonRequest(before: Self.earlier, folder: "/"))
      #expect(bench.exports.identifiers.isEmpty)
      group.cancelAll()
    }
  }

  private func compare(_ folder: String, _ sessions: FileSessions) async throws
    -> FileComparisonReply
  {
    let request = FileComparisonRequest(before: Self.earlier, folder: folder)
    try sessions.compare(Self.later, request)
    // The same again is the same comparison, unless it is over by now.
    try sessions.compare(Self.later, request)
    let page = FileComparisonPage(first: 0, count: 100)
    while try !sessions.comparison(of: Self.later, page).isDone {
      try await Task.sleep(for: .milliseconds(20))
    }
    return try sessions.comparison(of: Self.later, page)
  }

  private func refuse(
    _ status: Int,
    _ sessions: FileSessions,
    _ request: FileComparisonRequest
  ) throws {
    let refused = #expect(throws: ControlFailure.self) { try sessions.compare(Self.later, request) }
    #expect(refused?.status == status)
  }
}
