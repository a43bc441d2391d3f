// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct ControlMessageTests {
  static let messages: [ControlMessage] = [
    .hello(version: 1, stream: StreamIdentifier("7d1f5a0e-93a2-4b0f-8f66-2f1f5a6f0001")),
    .welcome(StreamWelcome(durable: SequenceNumber(77), isComplete: true, isAccepting: false)),
    .refuse(.fenced, "a newer session is there"),
    .acknowledge(SequenceNumber(.max)),
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
      try header.verify(frame: bytes)
      return try ControlMessage(
        kind: header.kind,
        body: UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
      )
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

  @Test func `a frame of more than 16 MiB is refused by its header alone`() {
    var frame = ControlMessage.ping(1).encoded()
    frame.replaceSubrange(0..<4, with: [0, 0, 0, 1])
    #expect(throws: ReplicationError.frameTooLong((16 << 20) + 12)) {
      try frame.withUnsafeBytes { bytes in
        _ = try FrameHeader(decoding: bytes)
      }
    }
  }

  @Test func `a peer with another version is told apart from one that is no peer`() {
    var other = Array(
      ControlMessage.hello(version: 2, stream: StreamIdentifier("s")).encoded()
        .dropFirst(FrameHeader.byteCount)
    )
    #expect(throws: ReplicationError.unsupportedVersion(2)) {
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
