// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import FileStorage
import Foundation
import RecoveryModel
import Testing

@testable import Appliance

@Suite struct `A copy of a disk` {
  private static let export = ExportIdentifier("0a1b2c3d-0000-4000-8000-00000000000e")
  private static let copy = CopyIdentifier("vda-0a1b2c3d-0000-4000-8000-00000000000c")

  /// Content 1 at checkpoint 1, which is exported, and content 2 after it.
  private func withExport(
    _ body: (RecoveryBench, DiskCopies, CopyRequest) async throws -> Void
  ) async throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(
      .write(0, 4096, [UInt8](repeating: 1, count: 70_000)),
      .mark(1),
      .write(0, 8192, [UInt8](repeating: 2, count: 700_000)),
      .mark(2)
    )
    _ = try bench.exports.put(
      Self.export,
      ExportRequest(
        stream: RecoveryBench.stream,
        point: .checkpoint(CheckpointIdentifier(1)),
        overlayFolder: nil
      )
    )
    let copies = DiskCopies(exports: bench.exports, cacheFolder: bench.root + "/cache")
    defer { copies.stop() }
    let request = CopyRequest(
      export: Self.export,
      volume: VolumeIdentifier("scsi:0:0"),
      folder: bench.root + "/pool/clone"
    )
    try await body(bench, copies, request)
  }

  private func complete(_ copies: DiskCopies, _ request: CopyRequest) async throws -> CopyReply {
    while true {
      let reply = try copies.put(Self.copy, request)
      try #require(reply.failure.isEmpty, "\(reply.failure)")
      if reply.isComplete { return reply }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test func `is the disk as of the point, and takes room for its data alone`() async throws {
    try await withExport { bench, copies, request in
      let path = Self.copy.path(in: request.folder)
      #expect(
        try bench.exports.dataByteCounts(of: Self.export)
          == [VolumeIdentifier("scsi:0:0"): 70_000, VolumeIdentifier("scsi:0:1"): 0]
      )
      #expect(try await complete(copies, request).copiedByteCount == 70_000)
      var content = [UInt8](repeating: 0, count: 1 << 20)
      content.replaceSubrange(4096..<74_096, with: [UInt8](repeating: 1, count: 70_000))
      #expect(try Data(contentsOf: URL(filePath: path)) == Data(content))
      let file = try File(path: path, creating: false)
      #expect(try file.allocatedByteCount() < 200_000)
      #expect(throws: ControlFailure.self) {
        var other = request
        other.volume = VolumeIdentifier("scsi:0:1")
        return try copies.put(Self.copy, other)
      }
    }
  }

  @Test func `is found complete by its file, and begins anew from half a one`() async throws {
    try await withExport { bench, copies, request in
      let path = Self.copy.path(in: request.folder)
      try FileManager.default.createDirectory(
        atPath: request.folder,
        withIntermediateDirectories: true
      )
      // What a killed appliance left: longer, and with other content.
      try Data(repeating: 9, count: 2 << 20).write(to: URL(filePath: path + ".tmp"))
      _ = try await complete(copies, request)
      #expect(try FileManager.default.contentsOfDirectory(atPath: request.folder).count == 1)
      #expect(try Data(contentsOf: URL(filePath: path)).count == 1 << 20)
      #expect(try Data(contentsOf: URL(filePath: path)).first == 0)
      let later = DiskCopies(exports: bench.exports, cacheFolder: bench.root + "/cache")
      #expect(try later.put(Self.copy, request) == CopyReply(isComplete: true))
    }
  }

  @Test func `goes with its folder, at whatever moment, but leaves what is not its own`()
    async throws
  {
    try await withExport { _, copies, request in
      // Deleted the moment it is begun: it may wait, run, or be complete.
      for _ in 0..<20 {
        _ = try copies.put(Self.copy, request)
        try copies.delete(Self.copy, in: request.folder)
        #expect(!FileManager.default.fileExists(atPath: request.folder))
      }
      _ = try await complete(copies, request)
      let other = request.folder + "/notes"
      try Data([1]).write(to: URL(filePath: other))
      try copies.delete(Self.copy, in: request.folder)
      try copies.delete(Self.copy, in: request.folder)
      #expect(try FileManager.default.contentsOfDirectory(atPath: request.folder) == ["notes"])
    }
  }

  @Test func `says why it failed, until it is deleted`() async throws {
    try await withExport { bench, copies, request in
      var request = request
      // A file where the folder should be.
      request.folder = bench.root + "/file"
      try Data([1]).write(to: URL(filePath: request.folder))
      var reply = try copies.put(Self.copy, request)
      while reply.failure.isEmpty {
        #expect(!reply.isComplete)
        try await Task.sleep(for: .milliseconds(5))
        reply = try copies.put(Self.copy, request)
      }
      #expect(!reply.isComplete)
    }
  }

  @Test func `of what is not there, or to no folder, is refused`() async throws {
    try await withExport { _, copies, request in
      let changes: [(inout CopyRequest) -> Void] = [
        { $0.export = ExportIdentifier("x") }, { $0.volume = VolumeIdentifier("x") },
        { $0.folder = "pool" }, { $0.folder += "/../../etc" },
      ]
      for change in changes {
        var wrong = request
        change(&wrong)
        #expect(throws: ControlFailure.self) { try copies.put(Self.copy, wrong) }
      }
      #expect(throws: ControlFailure.self) { try copies.delete(Self.copy, in: "/a/../b") }
    }
  }
}
