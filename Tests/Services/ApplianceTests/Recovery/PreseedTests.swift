// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Logging
import RecoveryModel
import ReplicationTransport
import Testing

@testable import Appliance

/// Replicas that are made of images that are there already.
@Suite(.timeLimit(.minutes(2))) struct PreseedTests {
  /// A bench's request whose first replica is to be the image at `path`.
  private static func request(_ bench: RecoveryBench, _ path: String? = nil) -> JournalRequest {
    var request = bench.request
    if let path { request.volumes[0].replicaPath = path }
    request.volumes[0].imageFolder = bench.root + "/pool"
    return request
  }

  private static func seed(
    _ bench: RecoveryBench,
    _ content: Data = Data(repeating: 7, count: 1 << 20)
  ) throws -> String {
    let path = bench.request.volumes[0].replicaPath
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent,
      withIntermediateDirectories: true
    )
    try content.write(to: URL(filePath: path))
    return path
  }

  private static func reason(
    _ bench: RecoveryBench,
    _ request: JournalRequest
  ) throws -> String {
    let failure = #expect(throws: ControlFailure.self) {
      try bench.journals.put(RecoveryBench.stream, request)
    }
    // Neither a journal nor the other disk's replica was made.
    #expect(bench.journals.statuses.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: request.volumes[1].replicaPath))
    return try #require(failure).message
  }

  @Test func `an image that is not there, or not as large as the disk, is refused`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    #expect(try Self.reason(bench, Self.request(bench)).contains("it is not there"))
    _ = try Self.seed(bench, Data(repeating: 7, count: 5000))
    #expect(
      try Self.reason(bench, Self.request(bench)).contains("it has 5000 bytes, the disk 1048576")
    )
  }

  @Test func `a file that is no raw image is refused`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let path = try Self.seed(bench, Data([0x51, 0x46, 0x49, 0xFB]) + Data(count: (1 << 20) - 4))
    #expect(try Self.reason(bench, Self.request(bench)).contains("it is not a raw image"))
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(try Self.reason(bench, Self.request(bench)).contains("it is not a plain file"))
  }

  @Test func `a link does not lead out of the datastore`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    _ = try Self.seed(bench)
    let manager = FileManager.default
    let outside = bench.root + "/outside"
    try manager.createDirectory(atPath: outside, withIntermediateDirectories: false)
    try Data(count: 1 << 20).write(to: URL(filePath: outside + "/disk"))
    let folder = bench.root + "/pool/folder"
    try manager.createSymbolicLink(atPath: folder, withDestinationPath: outside)
    let request = Self.request(bench, folder + "/disk")
    #expect(try Self.reason(bench, request).contains("it is not below"))
    let file = bench.root + "/pool/file"
    try manager.createSymbolicLink(atPath: file, withDestinationPath: outside + "/disk")
    #expect(try Self.reason(bench, Self.request(bench, file)).contains("not a plain file"))
  }

  @Test func `an image that QEMU has open, or another stream has, is refused`()
    async throws
  {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let path = try Self.seed(bench)
    let disk = try MirroredDisk(
      folder: URL(filePath: bench.root + "/pool/web1"),
      name: "vda",
      bytes: Data(repeating: 7, count: 1 << 20)
    )
    #expect(disk.path == path)
    #expect(try Self.reason(bench, Self.request(bench)).contains("another program has it open"))
    disk.close()
    // The daemon's end is not announced.
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      do { try bench.journals.put(RecoveryBench.stream, Self.request(bench)) } catch {
        try #require(ContinuousClock.now < deadline, "\(error)")
        try await Task.sleep(for: .milliseconds(50))
        continue
      }
      break
    }
    let failure = #expect(throws: ControlFailure.self) {
      try bench.journals.put(
        StreamIdentifier("7d3c1d0e-0000-4000-8000-00000000000b"),
        Self.request(bench)
      )
    }
    #expect(failure?.message.contains("is a replica of stream") == true)
  }

  @Test(arguments: [false, true])
  func `an image is deleted with a journal only if it became a replica`(
    isComplete: Bool
  ) throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let path = try Self.seed(bench)
    try bench.journals.put(RecoveryBench.stream, Self.request(bench))
    if isComplete {
      try bench.connect()
      try bench.deliver(.syncBegan(1), .syncEnded)
    }
    try bench.restart()
    try bench.journals.delete(RecoveryBench.stream, keepReplica: false)
    #expect(FileManager.default.fileExists(atPath: path) == !isComplete)
    #expect(!FileManager.default.fileExists(atPath: bench.request.volumes[1].replicaPath))
  }

  /// 64 MiB of what does not compress, of which 16 blocks are others in the image.
  @Test func `only what differs from the image crosses the link`() async throws {
    let byteCount = 64 << 20
    let blocks = stride(from: 1 << 20, to: byteCount, by: 4 << 20)
    var generator = SystemRandomNumberGenerator()
    var content = Data(capacity: byteCount)
    for _ in 0..<byteCount / 8 {
      withUnsafeBytes(of: generator.next()) { content.append(contentsOf: $0) }
    }
    var seed = content
    for block in blocks {
      for index in block..<block + (64 << 10) { seed[index] ^= 0xFF }
    }
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let path = try Self.seed(bench, seed)
    var request = Self.request(bench)
    request.sourceSite = ProtectedPair.london
    request.volumes.removeLast()
    request.volumes[0].byteCount = UInt64(byteCount)
    try bench.journals.put(ProtectedPair.stream, request)
    let pair = try await ProtectedPair(byteCount: byteCount, journals: bench.journals)
    let disk = try MirroredDisk(folder: pair.folder, name: "disk", bytes: content)
    let relay = try CountingRelay(to: #require(pair.listener.boundPort))
    let reply = try pair.streams.protect(
      ProtectedPair.stream,
      pair.request(port: relay.port)
    )
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected and linked") {
      !$0.connectedVolumes.isEmpty && $0.isConnected
    }
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    _ = try await pair.status("in order") {
      $0.sync == .ordered && $0.acknowledgedSequence == $0.lastSequence
    }
    let changed = blocks.underestimatedCount * (64 << 10)
    print("preseed: \(relay.byteCount) bytes crossed, \(changed) differed, of \(byteCount)")
    #expect(relay.byteCount > changed)
    #expect(relay.byteCount < changed * 11 / 10 + byteCount / 1000)
    await pair.close()
    relay.close()
    disk.close()
    #expect(try Data(contentsOf: URL(filePath: path)) == content)
  }
}
