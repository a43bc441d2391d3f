// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NBDProtocol

struct NBDReplyReaderTests {
  /// What a reader said to do, except to receive messages.
  ///
  /// `replies` holds what the server sends, data of reads included.
  static func steps(
    of replies: String,
    to requests: [NBDRequest],
    isStructured: Bool = true
  ) -> [NBDReplyReader.Step] {
    var reader = NBDReplyReader(isStructured: isStructured)
    for request in requests { reader.expect(request) }
    var rest = bytes(replies)[...]
    var steps: [NBDReplyReader.Step] = []
    while reader.expectedCount > 0 {
      let step = reader.next()
      switch step {
      case .receive(let count):
        guard rest.count >= count else { return steps }
        reader.received(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
        continue
      case .fill(_, let range):
        rest = rest.dropFirst(range.count)
      default: break
      }
      steps.append(step)
      if step == .broken { break }
    }
    return steps
  }

  static let read = NBDRequest(.read, cookie: 7, offset: 0x1000, length: 8)
  static let status = NBDRequest(.blockStatus, cookie: 9, offset: 0, length: 4096)
  static let flush = NBDRequest(.flush, cookie: 3)
  /// The head of a chunk up to its length: not the last one of cookie 7.
  static func chunk(_ type: String, last: Bool = false, cookie: Int = 7) -> String {
    "668e33ef 000\(last ? 1 : 0) \(type) 000000000000000\(cookie)"
  }

  @Test func `simple replies come in any order`() {
    let steps = Self.steps(
      of: """
        67446698 00000000 0000000000000003
        67446698 00000000 0000000000000007 0102030405060708
        """,
      to: [Self.read, Self.flush],
      isStructured: false
    )
    #expect(
      steps == [
        .finished(cookie: 3, nil), .fill(cookie: 7, 0..<8), .finished(cookie: 7, nil),
      ]
    )
  }

  @Test func `a read's data and holes come in pieces, in any order, between other replies`() {
    let steps = Self.steps(
      of: """
        \(Self.chunk("0001")) 0000000b 0000000000001005 010203
        67446698 00000000 0000000000000003
        \(Self.chunk("0002", last: true)) 0000000c 0000000000001000 00000005
        """,
      to: [Self.read, Self.flush]
    )
    #expect(
      steps == [
        .fill(cookie: 7, 5..<8), .finished(cookie: 3, nil), .zero(cookie: 7, 0..<5),
        .finished(cookie: 7, nil),
      ]
    )
  }

  @Test func `extents belong to their context`() {
    let steps = Self.steps(
      of: """
        \(Self.chunk("0005", cookie: 9)) 0000000c 00000001 00001000 00000003
        \(Self.chunk("0005", last: true, cookie: 9)) 00000014
        00000002 00000800 00000001 00000800 00000000
        """,
      to: [Self.status]
    )
    #expect(
      steps == [
        .extents(cookie: 9, context: 1, [NBDExtent(count: 4096, flags: 3)]),
        .extents(
          cookie: 9,
          context: 2,
          [NBDExtent(count: 2048, flags: 1), NBDExtent(count: 2048, flags: 0)]
        ),
        .finished(cookie: 9, nil),
      ]
    )
  }

  @Test(arguments: [
    "\(chunk("8001", last: true)) 00000008 00000005 0002 6e6f",
    "\(chunk("8002", last: true)) 0000000e 00000005 0000 0000000000001004",
    // An error the protocol may get one day, after which there is nothing more to say.
    "\(chunk("8077")) 00000006 00000005 0000 \(chunk("0000", last: true)) 00000000",
  ])
  func `an error ends a read without all of its data`(reply: String) {
    #expect(Self.steps(of: reply, to: [Self.read]) == [.finished(cookie: 7, .inputOutput)])
  }

  @Test(arguments: [
    "12345678 0000 0000 0000000000000007 00000000",  // no reply
    "67446698 00000000 0000000000000007",  // a simple reply to a read
    "67446698 00000000 0000000000000008",  // an answer to nothing
    "\(chunk("0000", last: true)) 00000000",  // an end without data
    "\(chunk("0000")) 00000000",  // nothing, and not the end
    "\(chunk("0001", last: true)) 0000000c 0000000000001000 01020304",  // half of it
    "\(chunk("0001", last: true)) 00000008 0000000000001000",  // no data
    "\(chunk("0001", last: true)) 00000011 0000000000001000",  // more than asked for
    "\(chunk("0001", last: true)) 00000010 0000000000000fff",  // before it
    "\(chunk("0001", last: true)) 00000010 ffffffffffffffff",
    "\(chunk("0002", last: true)) 0000000c 0000000000001000 00000009",  // a hole too long
    "\(chunk("0002", last: true)) 0000000c 0000000000001000 00000000",  // an empty hole
    "\(chunk("0002", last: true)) 0000000d 0000000000001000 00000008 00",
    // The same twice, and a part that never comes.
    """
    \(chunk("0002")) 0000000c 0000000000001000 00000004
    \(chunk("0002", last: true)) 0000000c 0000000000001000 00000004
    """,
    // All of it, and a part of it again.
    """
    \(chunk("0002")) 0000000c 0000000000001000 00000008
    \(chunk("0002", last: true)) 0000000c 0000000000001000 00000004
    """,
    "\(chunk("8001", last: true)) 00000006 00000000 0000",  // no error at all
    "\(chunk("8001", last: true)) 00000002 0000",
    "\(chunk("8001", last: true)) ffffffff",  // a message nobody holds
    "\(chunk("0005", last: true)) 0000000c 00000001 00001000 00000003",  // of a read
    "\(chunk("0077", last: true)) 00000000",  // unknown
  ])
  func `what a server may not send is broken`(reply: String) {
    #expect(Self.steps(of: reply, to: [Self.read]).last == .broken)
  }

  @Test(arguments: [
    "\(chunk("0005", last: true, cookie: 9)) 00000004 00000001",  // no extents
    "\(chunk("0005", last: true, cookie: 9)) 0000000c 00000001 00000000 00000003",  // empty
    "\(chunk("0005", last: true, cookie: 9)) 0000000a 00000001 00001000 0000",
    "\(chunk("0000", last: true, cookie: 9)) 00000000",
    "67446698 00000000 0000000000000009",
  ])
  func `a block status without extents is broken`(reply: String) {
    #expect(Self.steps(of: reply, to: [Self.status]).last == .broken)
  }

  @Test func `a structured reply nobody agreed on is broken`() {
    let steps = Self.steps(
      of: "\(Self.chunk("0000", last: true)) 00000000",
      to: [Self.read],
      isStructured: false
    )
    #expect(steps == [.broken])
  }
}
