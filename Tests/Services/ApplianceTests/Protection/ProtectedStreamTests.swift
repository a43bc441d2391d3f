// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationTransport
import Testing

@testable import Appliance

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ProtectedStreamTests {
  static let byteCount = 24 << 20

  /// Content of which a third is zeroes.
  static func content() -> Data {
    var generator = SystemRandomNumberGenerator()
    var data = Data(capacity: byteCount)
    while data.count < byteCount {
      let word = generator.next()
      let block =
        word % 3 == 0 ? Data(count: 32768) : Data(repeating: UInt8(word & 255), count: 32768)
      data.append(block)
    }
    return data
  }

  static func randomWrites(_ count: Int) -> [String] {
    (0..<count).map { number in
      let length = [512, 4096, 8192, 65536, 200_704].randomElement() ?? 512
      let offset = Int.random(in: 0...(byteCount - length) / 512) * 512
      return number % 9 == 0
        ? "write -z \(offset) \(length)"
        : "write -P \(Int.random(in: 1...255)) \(offset) \(length)"
    }
  }

  @Test func `a disk under load arrives whole, and again after the link was cut`() async throws {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "a", bytes: Self.content())
    defer { disk.close() }
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request(bufferInMB: 64))
    #expect(try pair.streams.protect(ProtectedPair.stream, pair.request(bufferInMB: 64)) == reply)
    #expect(throws: ControlFailure.self) {
      try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    }
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    let before = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    #expect(before.needsSync)

    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await disk.run(Self.randomWrites(400))
    pair.sink.cutLink()
    try await disk.run(Self.randomWrites(200))
    try await pair.expectEqual(disk)
    let status = try await pair.status("ordered") { $0.sync == .ordered }
    #expect(!status.needsSync)
    #expect(status.syncProgress == 1)
    #expect(status.writeCount >= 600)
    let first = pair.sink.monitor.withLock { pair.sink.records.first }
    #expect(first?.kind == .syncBegan && first?.offset == 1)

    // A VM that goes into another VPG takes its stream along as it is.
    var moved = try pair.request(bufferInMB: 64)
    moved.vpg = VPGIdentifier("another")
    #expect(try pair.streams.protect(ProtectedPair.stream, moved) == reply)
    let after = try await pair.status("it is in the other VPG") { $0.vpg == moved.vpg }
    #expect(after.sync == .ordered && !after.needsSync && !after.connectedVolumes.isEmpty)

    pair.sink.cutLink()
    try await disk.run(Self.randomWrites(100))
    let mark = pair.streams.mark(
      MarkRequest(
        checkpoint: Checkpoint(
          identifier: CheckpointIdentifier(7),
          time: WallTime(milliseconds: 5),
          tag: "now"
        ),
        streams: [ProtectedPair.stream]
      )
    )
    #expect(mark.isMarked)
    try await pair.expectEqual(disk)
    #expect(pair.sink.monitor.withLock { pair.sink.tags } == ["now"])
    await pair.close()
  }

  @Test func `a full buffer never holds the guest and a delta sync brings the rest`() async throws {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "b", bytes: Self.content())
    defer { disk.close() }
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request())
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)

    pair.sink.hold(true)
    try await disk.run((0..<20).map { "write -P 77 \($0)M 1M" })
    let full = try await pair.status("full") { $0.needsSync }
    #expect(full.lastError.contains("full"))
    #expect(full.rpoInMilliseconds >= 0)
    let refused = pair.streams.mark(
      MarkRequest(
        checkpoint: Checkpoint(
          identifier: CheckpointIdentifier(8),
          time: WallTime(milliseconds: 5),
          tag: ""
        ),
        streams: [ProtectedPair.stream]
      )
    )
    #expect(!refused.isMarked && !refused.reason.isEmpty)
    pair.sink.hold(false)

    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await disk.run(Self.randomWrites(100))
    try await pair.expectEqual(disk)
    let kinds = pair.sink.monitor.withLock {
      pair.sink.records.filter { $0.kind == .syncBegan }.map(\.offset)
    }
    // A buffer that fills up again meanwhile has the sync begun again.
    #expect(kinds.first == 1 && kinds.count > 1 && kinds.dropFirst().allSatisfy { $0 == 2 })
    await pair.close()
  }

  @Test func `pausing lets the guest go on and needs a sync afterwards`() async throws {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "c", bytes: Self.content())
    defer { disk.close() }
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request())
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request(isPaused: true))
    try await disk.run(Self.randomWrites(50))
    #expect(throws: ControlFailure.self) {
      try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    }
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request())
    let status = try await pair.status("still connected") { !$0.connectedVolumes.isEmpty }
    #expect(status.needsSync && status.sync == .idle)
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    await pair.close()
  }

  @Test func `a disk that cannot be read ends the sync with words and a new one may come`()
    async throws
  {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "d", bytes: Self.content())
    defer { disk.close() }
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request())
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try pair.streams.sync(
      ProtectedPair.stream,
      SyncRequest(pullSocketPath: disk.socketPath, exportNames: [ProtectedPair.volume: "none"])
    )
    let failed = try await pair.status("failed") { $0.lastError.contains("sync failed") }
    #expect(failed.connectedVolumes.count == 1)
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    await pair.close()
  }

  @Test func `unprotecting closes the taps, removes the socket and does not stop the disk`()
    async throws
  {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "e", bytes: Self.content())
    defer { disk.close() }
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request(port: 1))
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    let status = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    #expect(!status.isConnected)
    try await disk.run(Self.randomWrites(20))
    let streams = pair.streams
    await onOwnThread { streams.unprotect(ProtectedPair.stream) }
    #expect(!FileManager.default.fileExists(atPath: reply.tapSocketPath))
    try await disk.run(Self.randomWrites(20))
    #expect(streams.status().isEmpty)
    await pair.close()
  }
}
