// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import RecoveryModel
import ReplicationProtocol
import Testing

@testable import ReplicationTransport

/// The frame's checksum ends before the payload, so a peer needs no skill to get here.
@Suite struct `A compressed payload that is not what its frame says` {
  private static let payload = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 / 7 * $0) }

  /// A frame with one write whose payload became the bytes that `change` makes of it.
  private func frame(
    _ compression: PayloadCompression,
    announcing count: Int = Self.payload.count,
    _ change: (inout [UInt8]) -> Void
  ) -> ByteBuffer {
    var compressed = [UInt8](
      repeating: 0,
      count: PayloadCodec.bound(compression, Self.payload.count)
    )
    let length = Self.payload.withUnsafeBytes { payload in
      compressed.withUnsafeMutableBytes {
        PayloadCodec().compress(payload, with: compression, acceleration: 1, into: $0)
      }
    }
    compressed.removeLast(compressed.count - length)
    change(&compressed)
    let batch = RecordBatch(payloadCapacity: count)
    batch.append(
      StreamRecord(
        sequence: SequenceNumber(1),
        time: WallTime(milliseconds: 1),
        kind: .write,
        offset: 0,
        length: UInt32(count),
        payloadChecksum: Self.payload.withUnsafeBytes { payloadChecksum($0) }
      )
    )
    _ = batch.appendPayload(count: count)
    let head = DataFrame.headByteCount(recordCount: 1)
    var frame = [UInt8](repeating: 0, count: head) + compressed
    frame.withUnsafeMutableBytes {
      DataFrame.encodeHead(batch, into: $0)
      FrameHeader.seal(frame: $0, kind: .data, compression: compression)
    }
    return ByteBuffer(bytes: frame)
  }

  private func read(_ frame: ByteBuffer) throws(ReplicationError) -> RecordBatch? {
    var (reader, bytes) = (FrameReader(batches: BatchPool()), frame)
    guard case .data(let batch) = try reader.next(from: &bytes) else { return nil }
    return batch
  }

  private static let kinds = PayloadCompression.allCases.filter { $0 != .none }

  @Test(arguments: kinds)
  func `is refused, or is right after all`(_ compression: PayloadCompression) throws {
    let good = try #require(try read(frame(compression) { _ in }))
    #expect(good.payload.elementsEqual(Self.payload))
    var generator = SystemRandomNumberGenerator()
    var refused = 0
    for round in 0..<3000 {
      let bad = frame(compression) { bytes in
        for _ in 0...(round % 4) {
          let place = Int.random(in: 0..<bytes.count, using: &generator)
          switch round % 3 {
          case 0: bytes[place] = .random(in: 0...255, using: &generator)
          case 1: bytes.removeLast(min(place, bytes.count - 1))
          default: bytes.insert(contentsOf: bytes.prefix(place), at: place)
          }
        }
      }
      do {
        let batch = try #require(try read(bad))
        #expect(batch.payload.elementsEqual(Self.payload))
      } catch ReplicationError.malformed(.data), ReplicationError.checksumMismatch(.data) {
        refused += 1
      }
    }
    #expect(refused > 2000)
  }

  @Test(arguments: kinds)
  func `is refused if it is shorter or longer than it says`(_ compression: PayloadCompression) {
    for count in [1, Self.payload.count - 1, Self.payload.count + 1, 4 << 20] {
      #expect(throws: ReplicationError.malformed(.data)) {
        try read(frame(compression, announcing: count) { _ in })
      }
    }
    #expect(throws: ReplicationError.malformed(.data)) {
      try read(frame(compression, announcing: FrameHeader.maximumFrameByteCount + 1) { _ in })
    }
  }
}
