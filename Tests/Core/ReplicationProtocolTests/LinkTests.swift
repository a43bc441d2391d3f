// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import ReplicationProtocol
import Testing

struct SendingLinkTests {
  static let welcome = StreamWelcome(
    durable: SequenceNumber(10),
    isComplete: true,
    isAccepting: true
  )

  static func streaming(window: Int = 100) throws -> SendingLink {
    var link = SendingLink(windowByteCount: window, now: 0)
    #expect(try link.received(.welcome(welcome)) == .opened(welcome))
    link.resume(after: welcome.durable)
    return link
  }

  @Test func `nothing is sent before the receiver said where to go on`() throws {
    var link = SendingLink(windowByteCount: 100, now: 0)
    #expect(link.canSend == false)
    _ = try link.received(.welcome(Self.welcome))
    #expect(link.canSend == false)
    link.resume(after: Self.welcome.durable)
    #expect(link.canSend == true)
    #expect(link.position == SequenceNumber(10))
  }

  @Test func `a full window stops sending until an acknowledgement`() throws {
    var link = try Self.streaming(window: 100)
    link.sending(first: SequenceNumber(11), last: SequenceNumber(12), byteCount: 60)
    #expect(link.canSend == true)
    link.sending(first: SequenceNumber(13), last: SequenceNumber(13), byteCount: 60)
    #expect(link.canSend == false)
    let action = try link.received(.acknowledge(SequenceNumber(12)))
    #expect(action == .acknowledged(SequenceNumber(12)))
    #expect(link.canSend == true)
    #expect(link.isDrained == false)
    _ = try link.received(.acknowledge(SequenceNumber(13)))
    #expect(link.isDrained == true)
  }

  @Test func `a repeated acknowledgement is nothing new and one too far ends the link`() throws {
    var link = try Self.streaming()
    link.sending(first: SequenceNumber(11), last: SequenceNumber(11), byteCount: 1)
    _ = try link.received(.acknowledge(SequenceNumber(11)))
    let again = try link.received(.acknowledge(SequenceNumber(11)))
    #expect(again == .nothing)
    #expect(throws: ReplicationError.acknowledgedUnsent(SequenceNumber(12))) {
      try link.received(.acknowledge(SequenceNumber(12)))
    }
  }

  @Test func `a refusal ends the link with the peer's words`() {
    var link = SendingLink(windowByteCount: 1, now: 0)
    #expect(throws: ReplicationError.refused(.unknownStream, "no such stream")) {
      try link.received(.refuse(.unknownStream, "no such stream"))
    }
  }

  @Test func `a second welcome is out of place`() throws {
    var link = try Self.streaming()
    #expect(throws: ReplicationError.unexpected(.welcome)) {
      try link.received(.welcome(Self.welcome))
    }
  }

  @Test func `a peer that is alive and acknowledges nothing is cut after a minute`() throws {
    var link = try Self.streaming(window: 1 << 20)
    link.heard(at: 100_000)
    link.sending(first: SequenceNumber(11), last: SequenceNumber(12), byteCount: 1)
    for now in stride(from: Int64(101_000), to: 150_000, by: 1000) {
      link.heard(at: now)
      _ = try link.tick(now: now)
    }
    // An acknowledgement, even of a part, is progress.
    _ = try link.received(.acknowledge(SequenceNumber(11)))
    for now in stride(from: Int64(150_000), to: 209_000, by: 1000) {
      link.heard(at: now)
      _ = try link.tick(now: now)
    }
    link.heard(at: 209_000)
    #expect(throws: ReplicationError.stalled) { try link.tick(now: 209_000) }
  }

  @Test func `a peer that has everything owes nothing`() throws {
    var link = try Self.streaming()
    link.heard(at: 500_000)
    #expect(throws: Never.self) { try link.tick(now: 500_000) }
  }

  @Test func `a silent peer is pinged every second and given up after five`() throws {
    var link = try Self.streaming()
    var pings = 0
    for now in stride(from: Int64(250), to: 5000, by: 250) {
      if try link.tick(now: now) != .nothing { pings += 1 }
    }
    #expect(pings == 4)
    #expect(throws: ReplicationError.silence) { try link.tick(now: 5000) }
    link.heard(at: 5000)
    #expect(throws: Never.self) { try link.tick(now: 9999) }
  }
}

struct ReceivingLinkTests {
  static func streaming(isAccepting: Bool = true) throws -> ReceivingLink {
    var link = ReceivingLink(now: 0)
    let stream = StreamIdentifier("s")
    #expect(try link.received(.hello(version: 1, stream: stream)) == .open(stream))
    let welcome = StreamWelcome(
      durable: SequenceNumber(10),
      isComplete: true,
      isAccepting: isAccepting
    )
    #expect(link.welcome(welcome) == .send(.welcome(welcome)))
    return link
  }

  @Test func `known records are dropped and missing ones end the link`() throws {
    var link = try Self.streaming()
    #expect(try link.received(first: SequenceNumber(9), last: SequenceNumber(12), weight: 1) == 2)
    #expect(
      try link.received(first: SequenceNumber(11), last: SequenceNumber(12), weight: 1) == nil
    )
    #expect(try link.received(first: SequenceNumber(13), last: SequenceNumber(13), weight: 1) == 0)
    #expect(
      throws: ReplicationError.gap(expected: SequenceNumber(14), received: SequenceNumber(15))
    ) {
      try link.received(first: SequenceNumber(15), last: SequenceNumber(15), weight: 1)
    }
  }

  @Test func `a sender that does not wait for acknowledgements is cut off`() throws {
    var link = try Self.streaming()
    let weight = SendingLink.longestWindow / 2
    for number in UInt64(11)...12 {
      let record = SequenceNumber(number)
      #expect(try link.received(first: record, last: record, weight: weight) == 0)
    }
    let next = SequenceNumber(13)
    #expect(throws: ReplicationError.windowExceeded) {
      try link.received(first: next, last: next, weight: 1)
    }
    _ = link.durable(through: SequenceNumber(11))
    #expect(try link.received(first: next, last: next, weight: 1) == 0)
  }

  @Test func `only what is new is acknowledged`() throws {
    var link = try Self.streaming()
    _ = try link.received(first: SequenceNumber(11), last: SequenceNumber(14), weight: 1)
    #expect(link.durable(through: SequenceNumber(10)) == .nothing)
    #expect(link.durable(through: SequenceNumber(12)) == .send(.acknowledge(SequenceNumber(12))))
    #expect(link.durable(through: SequenceNumber(12)) == .nothing)
  }

  @Test func `a fenced link takes and acknowledges nothing`() throws {
    var link = try Self.streaming()
    _ = try link.received(first: SequenceNumber(11), last: SequenceNumber(14), weight: 1)
    link.fence()
    #expect(link.durable(through: SequenceNumber(14)) == .nothing)
    #expect(
      try link.received(first: SequenceNumber(15), last: SequenceNumber(15), weight: 1) == nil
    )
    #expect(try link.received(.ping(1)) == .nothing)
  }

  @Test func `data before the hello or while nothing is accepted is out of place`() throws {
    var silent = ReceivingLink(now: 0)
    #expect(throws: ReplicationError.unexpected(.data)) {
      try silent.received(first: SequenceNumber(1), last: SequenceNumber(1), weight: 1)
    }
    var closed = try Self.streaming(isAccepting: false)
    #expect(throws: ReplicationError.unexpected(.data)) {
      try closed.received(first: SequenceNumber(11), last: SequenceNumber(11), weight: 1)
    }
  }

  @Test func `a peer that only pings and never says hello is given up`() throws {
    var link = ReceivingLink(now: 0)
    link.heard(at: 4900)
    #expect(throws: ReplicationError.silence) { try link.tick(now: 5000) }
  }
}
