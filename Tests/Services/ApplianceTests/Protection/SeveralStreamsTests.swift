// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

/// One VM's tap feeds several streams.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct `Several streams of one VM` {
  private typealias Content = ProtectedStreamTests

  /// A tap that feeds buffers in order, with a connection.
  private static func fed(_ count: Int, byteCount: UInt64 = 1 << 30) throws -> (
    VolumeTap, TapExport, [StreamBuffer]
  ) {
    let tap = VolumeTap()
    let buffers = (0..<count).map { _ in
      StreamBuffer(volumeSizes: VolumeSizes([byteCount]), byteCount: 0)
    }
    for buffer in buffers {
      _ = tap.join(buffer, volume: 0, byteCount: byteCount)
      _ = buffer.linkOpened(StreamBufferTests.welcome)
    }
    let export = TapExport(volume: tap)
    export.connectionOpened()
    for buffer in buffers { try Self.order(buffer) }
    return (tap, export, buffers)
  }

  private static func order(_ buffer: StreamBuffer) throws {
    let generation = try buffer.beginSync { false }
    try buffer.endSync(generation: generation) { false }
  }

  private static func payload(_ buffer: StreamBuffer) -> [UInt8] {
    let batch = StreamBufferTests.take(buffer, after: 2)
    var start = 0
    for record in batch.records {
      let end = start + record.payloadByteCount
      let bytes = UnsafeRawBufferPointer(rebasing: batch.payload[start..<end])
      #expect(payloadChecksum(bytes) == record.payloadChecksum)
      start = end
    }
    return Array(batch.payload)
  }

  @Test func `a write goes to all of them, with bytes of its own in each`() throws {
    let (_, export, buffers) = try Self.fed(3)
    try StreamBufferTests.write(export, [1, 2, 3], at: 0)
    try StreamBufferTests.write(export, [UInt8](repeating: 0, count: 512), at: 512)
    try StreamBufferTests.write(export, [4, 5], at: 1024)
    for buffer in buffers {
      let records = StreamBufferTests.take(buffer, after: 2).records
      #expect(records.map(\.kind) == [.write, .zeroes, .write])
      #expect(Self.payload(buffer) == [1, 2, 3, 4, 5])
    }
  }

  @Test func `whose buffer is full loses its order alone, first or not`() throws {
    for full in 0...1 {
      let (_, export, buffers) = try Self.fed(2)
      for index in 0..<16 as Range<UInt64> {
        try StreamBufferTests.write(export, [UInt8](repeating: 1, count: 1 << 20), at: index << 20)
        buffers[1 - full].acknowledged(through: buffers[1 - full].last)
      }
      #expect(!buffers[full].isOrdered)
      #expect(buffers[1 - full].isOrdered)
      try StreamBufferTests.write(export, [7], at: 0)
      #expect(buffers[1 - full].last == SequenceNumber(2 + 16 + 1))
    }
  }

  @Test func `one that joins and leaves between two writes takes those in between`() throws {
    let (tap, export, buffers) = try Self.fed(1)
    let other = StreamBuffer(volumeSizes: VolumeSizes([1 << 30]), byteCount: 0)
    _ = other.linkOpened(StreamBufferTests.welcome)
    try StreamBufferTests.write(export, [1], at: 0)
    #expect(!tap.join(other, volume: 0, byteCount: 1 << 30))
    #expect(other.hasAllTaps, "it needs no write to be connected")
    try Self.order(other)
    try StreamBufferTests.write(export, [2], at: 0)
    other.close()
    #expect(!tap.leave(other))
    other.giveBackMemory()
    #expect(other.monitor.withLock { other.stream.capacity } < 16)
    try StreamBufferTests.write(export, [3], at: 0)
    #expect(Self.payload(buffers[0]) == [1, 2, 3])
    #expect(other.last == SequenceNumber(3))
    #expect(tap.leave(buffers[0]))
    #expect(throws: (any Error).self) { try StreamBufferTests.write(export, [4], at: 0) }
  }

  @Test func `one that leaves in the middle of a write leaves its room to the write`() throws {
    let (tap, export, buffers) = try Self.fed(2)
    let room = export.prepareWrite(at: 0, count: 3)
    buffers[0].close()
    #expect(!tap.leave(buffers[0]))
    buffers[0].giveBackMemory()
    room.copyBytes(from: [1, 2, 3])
    try export.commitWrite(at: 0, count: 3)
    #expect(Self.payload(buffers[1]) == [1, 2, 3])
    #expect(buffers[1].isOrdered)
  }

  @Test func `a newer connection is all the streams', and the older one has to go`() throws {
    let (tap, export, buffers) = try Self.fed(2)
    let newer = TapExport(volume: tap)
    newer.connectionOpened()
    #expect(buffers.allSatisfy { !$0.isOrdered })
    #expect(throws: (any Error).self) { try StreamBufferTests.write(export, [1], at: 0) }
    export.connectionClosed()
    #expect(buffers.filter { !$0.hasAllTaps }.isEmpty)
    newer.connectionClosed()
    #expect(buffers.allSatisfy { !$0.hasAllTaps })
  }

  @Test func `a write past the end that one knows of is missing in that one only`() throws {
    let (tap, _, buffers) = try Self.fed(1, byteCount: 1 << 20)
    let grown = StreamBuffer(volumeSizes: VolumeSizes([2 << 20]), byteCount: 0)
    _ = grown.linkOpened(StreamBufferTests.welcome)
    #expect(tap.join(grown, volume: 0, byteCount: 2 << 20), "the connection knows the old size")
    let export = TapExport(volume: tap)
    #expect(export.byteCount == 2 << 20)
    export.connectionOpened()
    buffers[0].acknowledged(through: buffers[0].last)
    for buffer in buffers + [grown] { try Self.order(buffer) }
    try StreamBufferTests.write(export, [9], at: 1 << 20)
    #expect(!buffers[0].isOrdered && grown.isOrdered)
  }

  @Test func `a hold of one keeps the acknowledgement back, and the record comes to the others`()
    async throws
  {
    let (_, export, buffers) = try Self.fed(2)
    let checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(3),
      time: WallTime(milliseconds: 5),
      tag: ""
    )
    let name = StreamIdentifier("a")
    let held = [(name: name, buffer: buffers[0])]
    #expect(StreamBuffer.hold(checkpoint, in: held, limitInMicroseconds: 30_000_000) == nil)
    let isAcknowledged = Monitor()
    nonisolated(unsafe) var isDone = false
    async let write: Void = onOwnThread {
      try? StreamBufferTests.write(export, [1], at: 0)
      isAcknowledged.withLock { isDone = true }
    }
    while buffers[1].last < SequenceNumber(3) { await Task.yield() }
    #expect(!isAcknowledged.withLock { isDone })
    let reason = StreamBuffer.release(checkpoint.identifier, in: held, keepsMark: true)
    #expect(reason == nil)
    await write
    #expect(StreamBufferTests.take(buffers[0], after: 2).records.map(\.kind) == [.mark, .write])
    #expect(StreamBufferTests.take(buffers[1], after: 2).records.map(\.kind) == [.write])
  }

  @Test func `two sites get the whole disk, and one that is lost costs the other nothing`()
    async throws
  {
    let pair = try await ProtectedPair(byteCount: Content.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "s", bytes: Content.content())
    defer { disk.close() }
    let streams = pair.streams
    let reply = try streams.protect(ProtectedPair.stream, pair.request())
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    let alone = try await pair.status("ordered") { !$0.needsSync }

    // One that joins later: the same tap, and the first one's order stays.
    #expect(try streams.protect(ProtectedPair.second, pair.request(bufferInMB: 64)) == reply)
    let joined = try await pair.status("joined", of: ProtectedPair.second) { $0.isConnected }
    #expect(joined.connectedVolumes == [ProtectedPair.volume] && joined.needsSync)
    let still = try await pair.status("ordered") { !$0.needsSync }
    #expect(still.generation == alone.generation)
    try streams.sync(ProtectedPair.second, pair.syncRequest(disk))
    try await disk.run(Content.randomWrites(100))
    try await pair.expectEqual(disk, ProtectedPair.second)

    // The first site is held: its buffer fills up, and the second one's order stays.
    let before = try await pair.status("ordered", of: ProtectedPair.second) { !$0.needsSync }
    pair.sink.hold(true)
    try await disk.run((0..<20).map { "write -P 77 \($0)M 1M" })
    _ = try await pair.status("full") { $0.needsSync }
    try await pair.expectEqual(disk, ProtectedPair.second)
    pair.sink.hold(false)
    try streams.sync(ProtectedPair.stream, pair.syncRequest(disk))
    try await pair.expectEqual(disk)
    let after = try await pair.status("ordered", of: ProtectedPair.second) { !$0.needsSync }
    #expect(after.generation == before.generation)

    // One that ends leaves the tap to the other.
    await onOwnThread { streams.unprotect(ProtectedPair.stream) }
    try await disk.run(Content.randomWrites(50))
    try await pair.expectEqual(disk, ProtectedPair.second)
    let last = try await pair.status("ordered", of: ProtectedPair.second) { !$0.needsSync }
    #expect(last.generation == before.generation)
    #expect(FileManager.default.fileExists(atPath: reply.tapSocketPath))
    await onOwnThread { streams.unprotect(ProtectedPair.second) }
    #expect(!FileManager.default.fileExists(atPath: reply.tapSocketPath))
    try await disk.run(Content.randomWrites(5))
    await pair.close()
  }

  @Test func `other volumes of one are another buffer of its own, and the other's tap stays`()
    async throws
  {
    let pair = try await ProtectedPair(byteCount: Content.byteCount)
    let disk = try MirroredDisk(folder: pair.folder, name: "v", bytes: Content.content())
    defer { disk.close() }
    let streams = pair.streams
    let reply = try streams.protect(ProtectedPair.stream, pair.request(bufferInMB: 64))
    _ = try streams.protect(ProtectedPair.second, pair.request(bufferInMB: 64))
    try disk.attachTap(
      socketPath: reply.tapSocketPath,
      exportName: ProtectedPair.volume.rawValue
    )
    _ = try await pair.status("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try streams.sync(ProtectedPair.second, pair.syncRequest(disk))
    try await pair.expectEqual(disk, ProtectedPair.second)
    let before = try await pair.status("ordered", of: ProtectedPair.second) { !$0.needsSync }
    let more = try pair.request(
      volumes: [
        .init(
          identifier: ProtectedPair.volume,
          number: 0,
          byteCount: UInt64(Content.byteCount)
        ),
        .init(identifier: VolumeIdentifier("scsi:0:1"), number: 1, byteCount: 1 << 20),
      ]
    )
    #expect(try streams.protect(ProtectedPair.stream, more) == reply)
    let changed = try await pair.status("changed") { !$0.connectedVolumes.isEmpty }
    #expect(changed.connectedVolumes == [ProtectedPair.volume])
    try await disk.run(Content.randomWrites(20))
    try await pair.expectEqual(disk, ProtectedPair.second)
    let after = try await pair.status("ordered", of: ProtectedPair.second) { !$0.needsSync }
    #expect(after.generation == before.generation)
    await pair.close()
  }
}
