// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

struct StreamBufferTests {
  static let welcome = StreamWelcome(
    durable: SequenceNumber(0),
    isComplete: true,
    isAccepting: true
  )

  /// A buffer in order, whose volumes have one tap each.
  static func ordered(volumes: Int = 1) throws -> (StreamBuffer, [TapExport]) {
    let buffer = StreamBuffer(
      volumeSizes: VolumeSizes([UInt64](repeating: 1 << 20, count: volumes)),
      byteCount: 0
    )
    let taps = (0..<volumes).map { TapExport(buffer: buffer, volume: $0, byteCount: 1 << 30) }
    for tap in taps { tap.connectionOpened() }
    _ = buffer.linkOpened(welcome)
    let generation = try buffer.beginSync { false }
    try buffer.endSync(generation: generation) { false }
    return (buffer, taps)
  }

  static func write(_ tap: TapExport, _ bytes: [UInt8], at offset: UInt64) throws {
    tap.prepareWrite(at: offset, count: bytes.count).copyBytes(from: bytes)
    try tap.commitWrite(at: offset, count: bytes.count)
  }

  static func take(_ buffer: StreamBuffer, after sequence: UInt64) -> RecordBatch {
    let batch = RecordBatch()
    buffer.take(
      after: SequenceNumber(sequence),
      into: batch,
      byteLimit: 1 << 20,
      waitMilliseconds: 0
    )
    return batch
  }

  static func status(of buffer: StreamBuffer) -> (needsSync: Bool, rpo: Int64) {
    buffer.monitor.withLock { (buffer.stream.mode == .dropping, 0) }
  }

  @Test func `a write of zeroes goes on its way as zeroes, one that only begins so does not`()
    throws
  {
    let (buffer, taps) = try Self.ordered()
    let nearly = [UInt8](repeating: 0, count: 4095) + [1]
    try Self.write(taps[0], [UInt8](repeating: 0, count: 4096), at: 8192)
    try Self.write(taps[0], nearly, at: 4096)
    let batch = Self.take(buffer, after: 2)
    #expect(batch.records.map(\.kind) == [.zeroes, .write])
    #expect(batch.records.map(\.offset) == [8192, 4096])
    #expect(batch.records.map(\.length) == [4096, 4096])
    #expect(Array(batch.payload) == nearly)
  }

  @Test func `writes come out in order with their bytes however the ring turns`() throws {
    let (buffer, taps) = try Self.ordered(volumes: 2)
    var generator = SystemRandomNumberGenerator()
    var expected: [(UInt64, [UInt8])] = []
    var taken: UInt64 = 2  // the sync's two records
    buffer.acknowledged(through: SequenceNumber(2))
    for _ in 0..<400 {
      for _ in 0..<Int.random(in: 0..<4, using: &generator) {
        let bytes = [UInt8](
          repeating: .random(in: 1...255, using: &generator),
          count: .random(in: 1...200_000, using: &generator)
        )
        let offset = UInt64.random(in: 0..<1000, using: &generator) * 512
        try Self.write(taps[Int.random(in: 0...1, using: &generator)], bytes, at: offset)
        expected.append((offset, bytes))
      }
      while true {
        let batch = Self.take(buffer, after: taken)
        guard let last = batch.last else { break }
        var start = 0
        for record in batch.records {
          let (offset, bytes) = expected.removeFirst()
          #expect(record.offset == offset)
          let payload = Array(batch.payload[start..<start + record.payloadByteCount])
          #expect(payload == bytes)
          start += payload.count
        }
        taken = last.rawValue
        buffer.acknowledged(through: last)
      }
    }
    #expect(expected.isEmpty)
    #expect(!Self.status(of: buffer).needsSync)
  }

  @Test func `a full buffer goes on acknowledging and asks for a sync`() throws {
    let (buffer, taps) = try Self.ordered()
    for index in 0..<16 as Range<UInt64> {
      try Self.write(taps[0], [UInt8](repeating: 1, count: 1 << 20), at: index << 20)
    }
    #expect(Self.status(of: buffer).needsSync)
    // What was kept before is still sent.
    #expect(Self.take(buffer, after: 2).records.first?.kind == .write)
  }

  @Test func `a closed tap needs a sync and an older connection is told to go`() throws {
    let (buffer, taps) = try Self.ordered()
    let newer = TapExport(buffer: buffer, volume: 0, byteCount: 1 << 30)
    newer.connectionOpened()
    #expect(Self.status(of: buffer).needsSync)
    #expect(throws: (any Error).self) { try Self.write(taps[0], [1], at: 0) }
    taps[0].connectionClosed()
    #expect(buffer.hasAllTaps)
    newer.connectionClosed()
    #expect(!buffer.hasAllTaps)
  }

  @Test func `a receiver at another position gets the stream renumbered`() throws {
    let (buffer, taps) = try Self.ordered()
    try Self.write(taps[0], [1, 2, 3], at: 0)
    let behind = StreamWelcome(
      durable: SequenceNumber(1),
      isComplete: true,
      isAccepting: true
    )
    #expect(buffer.linkOpened(behind) == .after(SequenceNumber(1)))
    #expect(!Self.status(of: buffer).needsSync, "the records after 1 are all held")
    buffer.acknowledged(through: SequenceNumber(3))
    #expect(buffer.linkOpened(behind) == .after(SequenceNumber(1)))
    #expect(Self.status(of: buffer).needsSync)
    let generation = try buffer.beginSync { false }
    #expect(Self.take(buffer, after: 1).records.map(\.kind) == [.syncBegan])
    try buffer.endSync(generation: generation) { false }
  }

  @Test func `a receiver that lost its copy gets an initial sync`() throws {
    let (buffer, _) = try Self.ordered()
    buffer.acknowledged(through: SequenceNumber(2))
    _ = buffer.linkOpened(
      StreamWelcome(durable: SequenceNumber(2), isComplete: false, isAccepting: true)
    )
    #expect(Self.status(of: buffer).needsSync)
    _ = try buffer.beginSync { false }
    #expect(Self.take(buffer, after: 2).records.first?.offset == 1)
  }

  @Test func `what the guest wrote while a block was read is left out of the block`() throws {
    let (buffer, taps) = try Self.ordered()
    buffer.acknowledged(through: SequenceNumber(2))
    let generation = try buffer.beginSync { false }
    let begin = buffer.monitor.withLock { buffer.stream.last.rawValue }
    buffer.watch(volume: 0, range: 0..<65536)
    try Self.write(taps[0], [9, 9], at: 100)
    let block = [UInt8](repeating: 5, count: 65536)
    let isWhole = try block.withUnsafeBytes { bytes in
      try buffer.appendPulled(
        volume: 0,
        offset: 0,
        bytes: bytes,
        generation: generation
      ) { false }
    }
    #expect(isWhole)
    let records = Self.take(buffer, after: begin).records
    #expect(records.map(\.offset) == [100, 0, 102])
    #expect(records.map(\.length) == [2, 100, 65434])
    #expect(records.map(\.isPulled) == [false, true, true])
    let all = Self.take(buffer, after: begin)
    for (index, record) in all.records.enumerated() {
      let start = all.records[..<index].reduce(0) { $0 + $1.payloadByteCount }
      let piece = UnsafeRawBufferPointer(
        rebasing: all.payload[start..<start + record.payloadByteCount]
      )
      #expect(payloadChecksum(piece) == record.payloadChecksum)
    }
    buffer.acknowledged(through: SequenceNumber(begin + 3))
    #expect(buffer.monitor.withLock { buffer.stream.heldByteCount } == 0)
  }

  @Test func `a block of zeroes travels without payload`() throws {
    let (buffer, _) = try Self.ordered()
    buffer.acknowledged(through: SequenceNumber(2))
    let generation = try buffer.beginSync { false }
    let zeroes = [UInt8](repeating: 0, count: 65536)
    _ = try zeroes.withUnsafeBytes { bytes in
      try buffer.appendPulled(
        volume: 0,
        offset: 4096,
        bytes: bytes,
        generation: generation
      ) { false }
    }
    let batch = Self.take(buffer, after: 3)
    #expect(batch.records.map(\.kind) == [.zeroes])
    #expect(batch.payloadByteCount == 0)
  }

  @Test func `an order lost during a sync voids the sync`() throws {
    let (buffer, taps) = try Self.ordered()
    buffer.acknowledged(through: SequenceNumber(2))
    let generation = try buffer.beginSync { false }
    for index in 0..<8 as Range<UInt64> {
      try Self.write(taps[0], [UInt8](repeating: 1, count: 1 << 20), at: index << 20)
    }
    #expect(throws: SyncInterruption.orderLost) {
      try buffer.endSync(generation: generation) { false }
    }
  }
}
