// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import FileRestore
import Foundation
import Logging
import RecoveryModel
import Testing

@testable import Appliance

@Suite struct `Sessions for files` {
  private static let request = FileSessionRequest(
    stream: RecoveryBench.stream,
    point: .checkpoint(CheckpointIdentifier(1))
  )

  private func sessions(_ bench: RecoveryBench, idleLimit: Duration = .seconds(900)) -> FileSessions
  {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return FileSessions(
      exports: bench.exports,
      folder: bench.root + "/files",
      idleLimit: idleLimit,
      logger: logger
    )
  }

  @Test func `that a killed appliance left are closed at the start, and other exports are not`()
    throws
  {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(.write(0, 0, [UInt8](repeating: 7, count: 4096)), .mark(1))
    let session = ExportIdentifier(fileSession: "one")
    let before = sessions(bench)
    #expect(try before.put(session, Self.request).state == .mounting)
    #expect(try before.put(session, Self.request).identifier == session)
    let other = ExportIdentifier("recovery")
    _ = try bench.exports.put(
      other,
      ExportRequest(stream: RecoveryBench.stream, point: Self.request.point, overlayFolder: nil)
    )
    try bench.restart()
    #expect(bench.exports.identifiers == [session, other])
    let left = bench.root + "/files/sessions/\(session)"
    try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
    let after = sessions(bench)
    try after.clean()
    #expect(bench.exports.identifiers == [other])
    #expect(!FileManager.default.fileExists(atPath: left))
    #expect(after.statuses.isEmpty)
  }

  @Test func `lie in a folder that others get through, whoever made it`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    let (files, folder) = (FileManager.default, bench.root + "/files")
    func mode() throws -> Int? {
      try files.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
    }
    try sessions(bench).clean()
    #expect(try mode() == 0o711)
    // As restic makes it for its cache.
    try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
    try sessions(bench).clean()
    #expect(try mode() == 0o711)
  }

  @Test func `hold their point until they end, and are refused beyond the limit`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(.write(0, 0, [UInt8](repeating: 7, count: 4096)), .mark(1))
    let sessions = sessions(bench)
    let names = (0..<4).map { ExportIdentifier(fileSession: "\($0)") }
    for name in names { _ = try sessions.put(name, Self.request) }
    #expect(bench.exports.identifiers == names)
    #expect(throws: ControlFailure.self) {
      try sessions.put(ExportIdentifier(fileSession: "4"), Self.request)
    }
    let still = #expect(throws: ControlFailure.self) {
      try sessions.list(names[0], FileListRequest(path: "/", first: 0, count: 1))
    }
    #expect(still?.status == 409)
    for name in names { try sessions.delete(name) }
    #expect(bench.exports.identifiers.isEmpty)
    let gone = #expect(throws: ControlFailure.self) {
      try sessions.content(names[0], path: "/vda1/x")
    }
    #expect(gone?.status == 404)
    #expect(throws: ControlFailure.self) {
      try sessions.put(ExportIdentifier("recovery"), Self.request)
    }
    var late = Self.request
    late.point = .checkpoint(CheckpointIdentifier(99))
    #expect(throws: ControlFailure.self) { try sessions.put(names[0], late) }
    #expect(sessions.statuses.isEmpty)
  }

  /// The bench's disks hold no file system: the mount fails, in words, and the session ends idle.
  @Test(.timeLimit(.minutes(4)))
  func `of disks without files fail in words, let the point go and end by themselves`()
    async throws
  {
    setenv("LIBGUESTFS_BACKEND_SETTINGS", "force_tcg", 1)
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(.write(0, 0, [UInt8](repeating: 7, count: 4096)), .mark(1))
    let sessions = sessions(bench, idleLimit: .seconds(3))
    let name = ExportIdentifier(fileSession: "one")
    _ = try sessions.put(name, Self.request)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await sessions.run() }
      while sessions.statuses.first?.state == .mounting {
        try await Task.sleep(for: .milliseconds(100))
      }
      let failed = try #require(sessions.statuses.first)
      #expect(failed.state == .failed)
      #expect(failed.problems.first?.hasPrefix("No file system of the VM can be read") == true)
      while !sessions.statuses.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
      #expect(bench.exports.identifiers.isEmpty)
      group.cancelAll()
    }
  }
}
