// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationTransport
import Testing

@testable import Appliance

/// Syncs by maps of changes, against QEMU's own dirty bitmaps.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ChangedSyncTests {
  private static let byteCount = ProtectedStreamTests.byteCount

  /// A pair in order, with a disk that notes its changes in `a`.
  private func protectedPair() async throws -> (pair: ProtectedPair, disk: MirroredDisk) {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(
      folder: pair.folder,
      name: "disk",
      bytes: ProtectedStreamTests.content()
    )
    try disk.beginMap("first")
    try await connect(pair, disk)
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    try disk.beginMap("a")
    return (pair, disk)
  }

  private func connect(_ pair: ProtectedPair, _ disk: MirroredDisk) async throws {
    let reply = try pair.streams.protect(ProtectedPair.stream, pair.request())
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected and linked") {
      !$0.connectedVolumes.isEmpty && $0.isConnected
    }
  }

  private func syncKinds(_ pair: ProtectedPair) -> [UInt64] {
    pair.sink.monitor.withLock {
      pair.sink.records.filter { $0.kind == .syncBegan }.map(\.offset)
    }
  }

  @Test func `a sync that is forced compares disks that are in order, others are not begun`()
    async throws
  {
    let (pair, disk) = try await protectedPair()
    defer { disk.close() }
    // Nobody knows of it: what a sync is forced for.
    pair.sink.monitor.withLock { pair.sink.disks[0][3 << 20] ^= 0xFF }
    var wish = pair.syncRequest(disk)
    try pair.streams.sync(ProtectedPair.stream, wish)
    #expect(try #require(pair.streams.status().first).sync == .ordered)
    wish.isForced = true
    try pair.streams.sync(ProtectedPair.stream, wish)
    #expect(try #require(pair.streams.status().first).sync != .ordered)
    try await disk.run(ProtectedStreamTests.randomWrites(50))
    try await pair.expectEqual(disk)
    #expect(syncKinds(pair) == [1, 2])
    await pair.close()
  }

  @Test func `a delta sync whose link is lost goes on where it was`() async throws {
    let (pair, disk) = try await protectedPair()
    defer { disk.close() }
    // Nothing that the receiver has is right any more.
    pair.sink.monitor.withLock {
      for index in pair.sink.disks[0].indices { pair.sink.disks[0][index] ^= 0xFF }
    }
    let count = pair.sink.monitor.withLock { pair.sink.records.count }
    pair.sink.answerQuestions(4)
    var wish = pair.syncRequest(disk)
    wish.isForced = true
    try pair.streams.sync(ProtectedPair.stream, wish)
    let part: UInt64 = 4 << 20
    let halfway = try await pair.status("a part is compared") {
      $0.comparedByteCounts[ProtectedPair.volume] == part
    }
    #expect(halfway.sync == .deltaSync)
    // With it go the questions that were not answered.
    pair.sink.cutLink()
    pair.sink.answerQuestions(.max)
    try await pair.expectEqual(disk)
    let status = try await pair.status("ordered") { $0.sync == .ordered }
    #expect(status.syncReadByteCount == UInt64(Self.byteCount), "a piece was read twice")
    #expect(syncKinds(pair) == [1, 2])
    let pulled = pair.sink.monitor.withLock {
      pair.sink.records[count...].filter(\.isPulled).reduce(0) { $0 + Int($1.length) }
    }
    #expect(pulled == Self.byteCount, "a block came twice")
    await pair.close()
  }

  @Test func `after an appliance's death only what was written since is read`() async throws {
    let (pair, disk) = try await protectedPair()
    defer { disk.close() }
    let floor = try #require(pair.streams.status().first?.acknowledgedSequence)
    // The appliance is gone with all it knew; the guest goes on.
    let streams = pair.streams
    await onOwnThread { streams.unprotect(ProtectedPair.stream) }
    try await disk.run(["write -P 91 1M 4096", "write -P 92 9000000 512", "write -z 20M 128k"])
    try disk.detachTap()
    try await connect(pair, disk)
    try await disk.run(["write -P 93 5M 4096"])

    // A receiver that acknowledged less than the map was begun with has lost something.
    let tooHigh = BeginSyncRequest(changesFloor: floor + 1_000_000)
    #expect(try pair.streams.beginSync(ProtectedPair.stream, tooHigh).generation == nil)
    let begun = try pair.streams.beginSync(
      ProtectedPair.stream,
      BeginSyncRequest(changesFloor: floor)
    )
    let generation = try #require(begun.generation)
    let waiting = try await pair.status("the sync is begun") { $0.sync == .bitmapSync }
    #expect(waiting.needsSync)
    // The stream keeps this one, though the map that is being closed may not have it.
    try await disk.run(["write -P 94 7M 4096"])
    let export = try disk.export(withMap: "a")
    try pair.streams.sync(
      ProtectedPair.stream,
      SyncRequest(
        pullSocketPath: disk.socketPath,
        exportNames: [ProtectedPair.volume: export],
        generation: generation,
        changes: [ProtectedPair.volume: "qemu:dirty-bitmap:a"]
      )
    )
    try await disk.run(ProtectedStreamTests.randomWrites(50))
    try await pair.expectEqual(disk)
    let status = try await pair.status("ordered") { $0.sync == .ordered }
    // Four blocks and what QEMU says of the trimmed ones, of 384 blocks.
    #expect(status.syncReadByteCount >= 4 << 16)
    #expect(status.syncReadByteCount <= 8 << 16)
    #expect(syncKinds(pair) == [1, 3])
    await pair.close()
  }

  @Test func `a first sync that is interrupted by the appliance's death goes on where it was`()
    async throws
  {
    let bytes = ProtectedStreamTests.content() + ProtectedStreamTests.content()
    let byteCount = UInt64(bytes.count)
    let pair = try await ProtectedPair(byteCount: bytes.count)
    let disk = try MirroredDisk(folder: pair.folder, name: "disk", bytes: bytes)
    defer { disk.close() }
    try await connect(pair, disk)
    pair.sink.hold(true)
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    // The buffer fills up; then as much again may come.
    let full = try await pair.status("something is compared") { !$0.comparedByteCounts.isEmpty }
    try await acknowledge(pair, through: full.lastSequence)
    let status = try await pair.status("more is compared") {
      $0.comparedByteCounts[ProtectedPair.volume] ?? 0 > 1 << 20
    }
    let known = try #require(status.comparedByteCounts[ProtectedPair.volume])
    try disk.beginMap("a")
    try await disk.run(["write -P 91 512k 4096"])
    let noted = try #require(pair.streams.status().first).lastSequence
    try await acknowledge(pair, through: noted)
    let begun = try #require(pair.streams.status().first)
    #expect(begun.sync == .initialSync)

    let streams = pair.streams
    await onOwnThread { streams.unprotect(ProtectedPair.stream) }
    try await disk.run(["write -P 92 256k 4096", "write -P 93 \(byteCount - 65536) 4096"])
    try disk.detachTap()
    pair.sink.hold(false)
    let count = pair.sink.monitor.withLock { pair.sink.records.count }
    try await connect(pair, disk)
    let reply = try pair.streams.beginSync(
      ProtectedPair.stream,
      BeginSyncRequest(changesFloor: status.acknowledgedSequence, isWhole: false)
    )
    let generation: UInt64 = try #require(reply.generation)
    try pair.streams.sync(
      ProtectedPair.stream,
      SyncRequest(
        pullSocketPath: disk.socketPath,
        exportNames: [ProtectedPair.volume: try disk.export(withMap: "a")],
        generation: generation,
        changes: [ProtectedPair.volume: "qemu:dirty-bitmap:a"],
        known: [ProtectedPair.volume: known]
      )
    )
    let going = try await pair.status("it goes on") { $0.syncProgress > 0 }
    #expect(going.syncProgress >= Double(known - 3 << 16) / Double(byteCount))
    try await pair.expectEqual(disk)
    #expect(syncKinds(pair) == [1, 1])
    // Two blocks were written in the part that had been compared.
    let read = try #require(pair.streams.status().first).syncReadByteCount
    #expect(read <= byteCount - known + 2 << 16)
    let again = pair.sink.monitor.withLock {
      pair.sink.records[count...].filter { $0.isPulled && $0.offset < known }
        .reduce(0) { $0 + Int($1.length) }
    }
    #expect(again > 0 && again <= 2 << 16)
    await pair.close()
  }

  /// Has the receiver acknowledge what it has, now and then, until it has this record.
  private func acknowledge(_ pair: ProtectedPair, through sequence: UInt64) async throws {
    let sink = pair.sink
    _ = try await pair.status("\(sequence) is durable") {
      if $0.acknowledgedSequence >= sequence { return true }
      sink.hold(false)
      sink.hold(true)
      return false
    }
  }

  @Test func `what a disk grew by after its map was begun is compared as a whole`() async throws {
    let (pair, disk) = try await protectedPair()
    defer { disk.close() }
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request(isPaused: true))
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request())
    let begun = try pair.streams.beginSync(
      ProtectedPair.stream,
      BeginSyncRequest(changesFloor: 0)
    )
    let generation = try #require(begun.generation)
    let behind: UInt64 = 1 << 20
    try pair.streams.sync(
      ProtectedPair.stream,
      SyncRequest(
        pullSocketPath: disk.socketPath,
        exportNames: [ProtectedPair.volume: try disk.export(withMap: "a")],
        generation: generation,
        changes: [ProtectedPair.volume: "qemu:dirty-bitmap:a"],
        known: [ProtectedPair.volume: UInt64(pair.byteCount) - behind]
      )
    )
    let status = try await pair.status("ordered") { $0.sync == .ordered }
    #expect(status.syncReadByteCount == behind)
    await pair.close()
  }

  @Test func `a sync by maps ends when the order is lost, and an older one is refused`()
    async throws
  {
    let (pair, disk) = try await protectedPair()
    defer { disk.close() }
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request(isPaused: true))
    try await disk.run(["write -P 91 1M 4096"])
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request())
    let begun = try pair.streams.beginSync(
      ProtectedPair.stream,
      BeginSyncRequest(changesFloor: 0)
    )
    let generation: UInt64 = try #require(begun.generation)
    let request = SyncRequest(
      pullSocketPath: disk.socketPath,
      exportNames: [ProtectedPair.volume: try disk.export(withMap: "a")],
      generation: generation,
      changes: [ProtectedPair.volume: "qemu:dirty-bitmap:a"]
    )
    // What is written now is in no map that is offered, and not in the stream.
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request(isPaused: true))
    try await disk.run(["write -P 92 3M 4096"])
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request())
    #expect(throws: ControlFailure.self) {
      try pair.streams.sync(ProtectedPair.stream, request)
    }
    #expect(try #require(pair.streams.status().first).needsSync)
    try pair.streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    #expect(syncKinds(pair) == [1, 3, 2])
    await pair.close()
  }

  @Test func `a receiver without a first sync is compared as a whole`() async throws {
    let pair = try await ProtectedPair(byteCount: Self.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "disk", bytes: Data(count: 1 << 20))
    defer { disk.close() }
    _ = try pair.streams.protect(ProtectedPair.stream, pair.request())
    #expect(throws: ControlFailure.self) {
      try pair.streams.beginSync(ProtectedPair.stream, BeginSyncRequest(changesFloor: 0))
    }
    try await connect(pair, disk)
    let begun = try pair.streams.beginSync(
      ProtectedPair.stream,
      BeginSyncRequest(changesFloor: 0)
    )
    #expect(begun.generation == nil)
    await pair.close()
  }
}
