// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct DataFrameTests {
  static func batch(of payloads: [[UInt8]], from first: UInt64 = 1) -> RecordBatch {
    let batch = RecordBatch()
    for (index, payload) in payloads.enumerated() {
      payload.withUnsafeBytes { bytes in
        batch.append(
          StreamRecord(
            sequence: SequenceNumber(first + UInt64(index)),
            time: WallTime(milliseconds: 5),
            kind: .write,
            offset: UInt64(index) * 4096,
            length: UInt32(payload.count),
            payloadChecksum: payloadChecksum(bytes)
          ),
          payload: bytes
        )
      }
    }
    return batch
  }

  static func body(of batch: RecordBatch) -> [UInt8] {
    let head = DataFrame.headByteCount(recordCount: batch.records.count)
    var frame = [UInt8](repeating: 0, count: head)
    frame.withUnsafeMutableBytes { DataFrame.encodeHead(batch, into: $0) }
    return Array(frame.dropFirst(FrameHeader.byteCount)) + Array(batch.payload)
  }

  static func decode(_ body: [UInt8], into batch: RecordBatch) throws -> Int {
    try body.withUnsafeBytes { bytes in
      let place = try DataFrame.decodeHead(body: bytes, isCompressed: false, into: batch)
      batch.appendPayload(count: place.payloadByteCount).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[place.payloadStart...])
      )
      return place.payloadByteCount
    }
  }

  @Test func `records and payloads come out as they went in`() throws {
    let batch = Self.batch(of: [[1, 2, 3], [], [4], [UInt8](repeating: 9, count: 5000)], from: 40)
    let copy = RecordBatch(payloadCapacity: 1)
    #expect(try Self.decode(Self.body(of: batch), into: copy) == 5004)
    #expect(copy.records == batch.records)
    #expect(Array(copy.payload) == Array(batch.payload))
  }

  /// Reads a whole frame as the network's side does.
  static func read(_ frame: [UInt8]) throws -> RecordBatch {
    try frame.withUnsafeBytes { bytes in
      let header = try FrameHeader(decoding: bytes)
      let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
      guard header.bodyByteCount == body.count else { throw ReplicationError.malformed(.data) }
      try header.verify(body: body)
      let batch = RecordBatch()
      let memory = batch.body(count: body.count)
      memory.copyMemory(from: body)
      let place = try DataFrame.decodeHead(
        body: UnsafeRawBufferPointer(memory),
        isCompressed: false,
        into: batch
      )
      batch.usePayload(at: place.payloadStart, count: place.payloadByteCount)
      return batch
    }
  }

  @Test func `a head is refused whichever bit is hit, and payloads have sums of their own`() throws
  {
    let payloads: [[UInt8]] = [[1, 2, 3], [4, 5, 6, 7]]
    let batch = Self.batch(of: payloads)
    let head = DataFrame.headByteCount(recordCount: 2)
    var frame = [UInt8](repeating: 0, count: head) + Array(batch.payload)
    frame.withUnsafeMutableBytes { bytes in
      DataFrame.encodeHead(batch, into: bytes)
      FrameHeader.seal(frame: bytes, kind: .data)
    }
    #expect(try Self.read(frame).records == batch.records)
    for bit in 0..<head * 8 {
      var damaged = frame
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: ReplicationError.self) { try Self.read(damaged) }
    }
    frame[head + 4] ^= 1
    let damaged = try Self.read(frame)
    let second = UnsafeRawBufferPointer(rebasing: damaged.payload[3...])
    #expect(payloadChecksum(second) != damaged.records[1].payloadChecksum)
  }

  @Test func `a frame cut anywhere is malformed`() {
    let body = Self.body(of: Self.batch(of: [[1, 2, 3], [4, 5]]))
    for count in 0..<body.count {
      #expect(throws: ReplicationError.malformed(.data)) {
        try Self.decode(Array(body.prefix(count)), into: RecordBatch())
      }
    }
  }

  @Test func `a hole between records is a gap`() {
    var body = Self.body(of: Self.batch(of: [[1], [2]]))
    body[8 + StreamRecord.encodedByteCount] = 7
    #expect(
      throws: ReplicationError.gap(expected: SequenceNumber(2), received: SequenceNumber(7))
    ) {
      try Self.decode(body, into: RecordBatch())
    }
  }

  @Test func `a batch without its first records keeps the payload of the others`() {
    let batch = Self.batch(of: [[1, 2, 3], [4], [5, 6]])
    batch.removeFirst(2)
    #expect(batch.records.map(\.sequence.rawValue) == [3])
    #expect(Array(batch.payload) == [5, 6])
  }

  @Test func `an empty batch takes one record of any size and then keeps the limit`() {
    let batch = RecordBatch()
    #expect(!batch.isFull(forAnother: 1 << 20, byteLimit: 10))
    batch.append(
      StreamRecord(sequence: SequenceNumber(1), time: WallTime(milliseconds: 0), kind: .syncEnded)
    )
    #expect(!batch.isFull(forAnother: 10, byteLimit: 10))
    #expect(batch.isFull(forAnother: 11, byteLimit: 10))
  }
}
