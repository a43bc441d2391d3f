// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct ControlMessageTests {
  static let messages: [ControlMessage] = [
    .hello(version: 2, stream: StreamIdentifier("7d1f5a0e-93a2-4b0f-8f66-2f1f5a6f0001")),
    .welcome(StreamWelcome(durable: SequenceNumber(77), isComplete: true, isAccepting: false)),
    .refuse(.fenced, "a newer session is there"),
    .acknowledge(.last),
    .hashQuery(
      HashQuery(identifier: 3, volume: 1, offset: 1 << 40, blockSize: 65536, blockCount: 16)
    ),
    .hashReply(identifier: 3, hashes: [BlockHash(low: 1, high: 2), BlockHash(low: 3, high: 4)]),
    .hashReply(identifier: 4, hashes: nil),
    .ping(9),
    .pong(9),
  ]

  static func decode(_ frame: [UInt8]) throws -> ControlMessage {
    try frame.withUnsafeBytes { bytes in
      let header = try FrameHeader(decoding: bytes)
      guard bytes.count == FrameHeader.byteCount + header.bodyByteCount else {
        throw ReplicationError.malformed(header.kind)
      }
      let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
      try header.verify(body: body)
      return try ControlMessage(kind: header.kind, body: body)
    }
  }

  @Test(arguments: messages)
  func `a message is read as it was written`(message: ControlMessage) throws {
    #expect(try Self.decode(message.encoded()) == message)
  }

  @Test func `an acknowledgement has the bytes of the format page`() {
    #expect(
      ControlMessage.acknowledge(SequenceNumber(0x0102)).encoded()
        == [8, 0, 0, 0, 5, 0, 0, 0, 0xbb, 0xe7, 0x58, 0xc5, 2, 1, 0, 0, 0, 0, 0, 0]
    )
  }

  @Test(arguments: messages)
  func `a damaged frame is refused whichever bit is hit`(message: ControlMessage) {
    let frame = message.encoded()
    for position in frame.indices {
      for bit in 0..<8 {
        var damaged = frame
        damaged[position] ^= 1 << bit
        #expect(throws: ReplicationError.self) { try Self.decode(damaged) }
      }
    }
  }

  @Test(arguments: messages)
  func `a body that is too short or too long is malformed`(message: ControlMessage) {
    let body = Array(message.encoded().dropFirst(FrameHeader.byteCount))
    for count in Array(0..<body.count) + [body.count + 1] {
      let other = Array((body + [0]).prefix(count))
      #expect(throws: ReplicationError.malformed(message.kind)) {
        try other.withUnsafeBytes { bytes in
          _ = try ControlMessage(kind: message.kind, body: bytes)
        }
      }
    }
  }

  @Test(arguments: [(FrameKind.data, 16 << 20), (.ping, 128 << 10), (.hashReply, 128 << 10)])
  func `a frame that is too long for its kind is refused by its header alone`(
    kind: FrameKind,
    limit: Int
  ) throws {
    func header(announcing count: Int) throws {
      var bytes = ControlMessage.ping(1).encoded()
      bytes.withUnsafeMutableBytes { $0.storeBytes(of: UInt32(count), as: UInt32.self) }
      bytes[4] = kind.rawValue
      try bytes.withUnsafeBytes { bytes in
        _ = try FrameHeader(decoding: bytes)
      }
    }
    try header(announcing: limit - FrameHeader.byteCount)
    #expect(throws: ReplicationError.frameTooLong(limit + 1)) {
      try header(announcing: limit - FrameHeader.byteCount + 1)
    }
  }

  @Test func `a sender takes the best compression that the receiver can undo`() {
    #expect(CompressionSet.all.best(for: .zstd) == .zstd)
    #expect(CompressionSet.lz4.best(for: .zstd) == .lz4)
    #expect(CompressionSet.zstd.best(for: .lz4) == .none)
    #expect(CompressionSet([]).best(for: .zstd) == .none)
    #expect(CompressionSet.all.best(for: .none) == .none)
  }

  @Test func `a peer with another version is told apart from one that is no peer`() {
    var other = Array(
      ControlMessage.hello(version: 4, stream: StreamIdentifier("s")).encoded()
        .dropFirst(FrameHeader.byteCount)
    )
    #expect(throws: ReplicationError.unsupportedVersion(4)) {
      try other.withUnsafeBytes { bytes in
        _ = try ControlMessage(kind: .hello, body: bytes)
      }
    }
    other[0] ^= 1
    #expect(throws: ReplicationError.notAHello) {
      try other.withUnsafeBytes { bytes in
        _ = try ControlMessage(kind: .hello, body: bytes)
      }
    }
  }
}
