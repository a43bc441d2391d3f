// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NBDProtocol
import Testing

struct NBDSimpleReplyTests {
  static let golden = bytes("67446698 0000001c 0102030405060708")
  static let noSpace = NBDSimpleReply(error: .noSpace, cookie: 0x0102_0304_0506_0708)

  @Test func `a reply has the layout of the specification`() {
    #expect(encoded(NBDSimpleReply.encodedByteCount, Self.noSpace.encode(into:)) == Self.golden)
    #expect(NBDSimpleReply(decoding: Self.golden.span.bytes) == Self.noSpace)
  }

  @Test func `success is error zero`() {
    let reply = NBDSimpleReply(error: nil, cookie: 1)
    let expected = bytes("67446698 00000000 0000000000000001")
    #expect(encoded(NBDSimpleReply.encodedByteCount, reply.encode(into:)) == expected)
    #expect(NBDSimpleReply(decoding: expected.span.bytes) == reply)
  }

  @Test func `an error the protocol does not know counts as EINVAL`() {
    let reply = NBDSimpleReply(decoding: bytes("67446698 0000ffff 0000000000000001").span.bytes)
    #expect(reply?.error == .invalidArgument)
  }

  @Test(arguments: 0..<NBDSimpleReply.encodedByteCount)
  func `a reply cut short is none`(byteCount: Int) {
    #expect(NBDSimpleReply(decoding: Array(Self.golden.prefix(byteCount)).span.bytes) == nil)
  }

  @Test func `error codes have the numbers of the specification`() {
    #expect(NBDErrorCode.allCases.map(\.rawValue) == [1, 5, 12, 22, 28, 75, 95, 108])
  }
}
