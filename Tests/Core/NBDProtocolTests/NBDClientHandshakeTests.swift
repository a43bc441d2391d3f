// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NBDProtocol

struct NBDClientHandshakeTests {
  static let greeting = bytes("4e42444d41474943 49484156454f5054 0003")
  static let reply = "0003e889045565a9 00000007"

  /// A machine that has sent its option.
  static func asking(greeting: [UInt8] = greeting) -> NBDClientHandshake {
    var machine = NBDClientHandshake(exportName: "disk")
    _ = machine.begin()
    _ = machine.received(greeting)
    return machine
  }

  @Test func `the client asks with go for the export and its block sizes`() {
    var machine = NBDClientHandshake(exportName: "disk")
    #expect(machine.begin() == .init(message: [], next: .receive(byteCount: 18)))
    let step = machine.received(Self.greeting)
    #expect(
      step.message
        == bytes("00000003 49484156454f5054 00000007 0000000c 00000004 6469736b 0001 0003")
    )
    #expect(step.next == .receive(byteCount: 20))
  }

  @Test(arguments: ["disk", "", "ディスク"])
  func `client and server of ours understand each other`(name: String) {
    let export = NBDExportDescription(
      byteCount: 12345,
      isReadOnly: false,
      maximumPayload: 1 << 20
    )
    var client = NBDClientHandshake(exportName: name)
    var server = NBDServerHandshake()
    var fromServer = server.begin()
    var fromClient = client.begin()
    var toClient: [UInt8] = []
    var toServer: [UInt8] = []

    for _ in 0..<50 {
      toClient += fromServer.reply
      fromServer.reply = []
      toServer += fromClient.message
      fromClient.message = []
      if case .lookUp(let asked) = fromServer.next {
        #expect(asked == name)
        fromServer = server.found(export)
      } else if case .receive(let count) = fromServer.next, toServer.count >= count {
        fromServer = server.received(Array(toServer.prefix(count)))
        toServer.removeFirst(count)
      } else if case .receive(let count) = fromClient.next, toClient.count >= count {
        fromClient = client.received(Array(toClient.prefix(count)))
        toClient.removeFirst(count)
      } else {
        break
      }
    }
    #expect(fromServer.next == .transmit(NBDSession(export: export)))
    #expect(fromClient.next == .transmit(NBDSession(export: export)))
    #expect(toClient.isEmpty && toServer.isEmpty)
  }

  @Test func `a server that does not know go is asked by export-name`() {
    var machine = Self.asking()
    let step = machine.received(bytes("\(Self.reply) 80000001 00000000"))
    #expect(step.message == bytes("49484156454f5054 00000001 00000004 6469736b"))
    #expect(step.next == .receive(byteCount: 10))
    guard case .transmit(let session) = machine.received(bytes("0000000000001000 0003")).next
    else {
      Issue.record("no export")
      return
    }
    let export = session.export
    #expect(export.byteCount == 4096)
    #expect(export.isReadOnly)
    #expect(export.minimumBlockSize == 512)
  }

  /// A machine that has asked for structured replies because it wants contexts.
  static func asking(contexts: [String]) -> NBDClientHandshake {
    var machine = NBDClientHandshake(exportName: "disk", contexts: contexts)
    _ = machine.begin()
    let step = machine.received(greeting)
    #expect(step.message == bytes("00000003 49484156454f5054 00000008 00000000"))
    return machine
  }

  /// Answers go with a size, and returns what was agreed on.
  static func session(of machine: inout NBDClientHandshake) -> NBDSession? {
    _ = machine.received(bytes("\(reply) 00000003 0000000c"))
    _ = machine.received(bytes("0000 0000000000001000 0003"))
    guard case .transmit(let session) = machine.received(bytes("\(reply) 00000001 00000000")).next
    else { return nil }
    return session
  }

  static let structuredReply = "0003e889045565a9 00000008"
  static let contextReply = "0003e889045565a9 0000000a"

  @Test func `contexts are asked for after structured replies and before go`() {
    var machine = Self.asking(contexts: ["a:b", "c:d"])
    let contexts = machine.received(bytes("\(Self.structuredReply) 00000001 00000000"))
    #expect(
      contexts.message
        == bytes(
          """
          49484156454f5054 0000000a 0000001a 00000004 6469736b 00000002
          00000003 613a62 00000003 633a64
          """
        )
    )
    _ = machine.received(bytes("\(Self.contextReply) 00000004 00000007"))
    _ = machine.received(bytes("00000005 633a64"))
    let go = machine.received(bytes("\(Self.contextReply) 00000001 00000000"))
    #expect(go.message.starts(with: bytes("49484156454f5054 00000007")))
    let session = Self.session(of: &machine)
    #expect(session?.usesStructuredReplies == true)
    #expect(session?.contexts == [NBDMetaContext(identifier: 5, name: "c:d")])
  }

  @Test func `a server without structured replies grants no context`() {
    var machine = Self.asking(contexts: ["a:b"])
    let go = machine.received(bytes("\(Self.structuredReply) 80000001 00000000"))
    #expect(go.message.starts(with: bytes("49484156454f5054 00000007")))
    let session = Self.session(of: &machine)
    #expect(session?.usesStructuredReplies == false)
    #expect(session?.contexts == [])
  }

  @Test func `a server that refuses contexts grants none`() {
    var machine = Self.asking(contexts: ["a:b"])
    _ = machine.received(bytes("\(Self.structuredReply) 00000001 00000000"))
    let go = machine.received(bytes("\(Self.contextReply) 80000001 00000000"))
    #expect(go.message.starts(with: bytes("49484156454f5054 00000007")))
    #expect(Self.session(of: &machine)?.contexts == [])
  }

  @Test(arguments: [
    "00000005 633a64",  // one that was not asked for
    "0000",
  ])
  func `a context that makes no sense ends it`(data: String) {
    var machine = Self.asking(contexts: ["a:b"])
    _ = machine.received(bytes("\(Self.structuredReply) 00000001 00000000"))
    let data = bytes(data)
    _ = machine.received(bytes("\(Self.contextReply) 00000004") + [0, 0, 0, UInt8(data.count)])
    #expect(machine.received(data).next == .close(.malformed))
  }

  @Test func `information nobody asked for is skipped`() {
    var machine = Self.asking()
    _ = machine.received(bytes("\(Self.reply) 00000003 00000004"))
    let step = machine.received(bytes("0001 6161"))
    #expect(step == .init(message: [], next: .receive(byteCount: 20)))
  }

  @Test(arguments: [
    "0000 0000000000001000 00",  // cut short
    "0000 0000000000001000 0003 00",  // a byte too many
    "0003 00000003 00001000 02000000",  // a block size that is no power of two
    "0003 00000000 00001000 02000000",
    "0003 00001000 00001000 00000800",  // less payload than a block
    "00",
  ])
  func `information that makes no sense ends it`(data: String) {
    var machine = Self.asking()
    let data = bytes(data)
    _ = machine.received(bytes("\(Self.reply) 00000003") + [0, 0, 0, UInt8(data.count)])
    #expect(machine.received(data).next == .close(.malformed))
  }

  @Test func `an acknowledgement without a size ends it`() {
    var machine = Self.asking()
    #expect(
      machine.received(bytes("\(Self.reply) 00000001 00000000")).next == .close(.malformed)
    )
  }

  @Test func `a refusal carries the server's words`() {
    var machine = Self.asking()
    _ = machine.received(bytes("\(Self.reply) 80000002 00000002"))
    #expect(
      machine.received(Array("no".utf8)).next
        == .close(.refused(kind: 0x8000_0002, message: "no"))
    )
  }

  @Test func `an unknown export is told apart`() {
    var machine = Self.asking()
    #expect(
      machine.received(bytes("\(Self.reply) 80000006 00000000")).next
        == .close(.unknownExport("disk"))
    )
  }

  @Test func `a server of another kind is not talked to`() {
    var other = NBDClientHandshake(exportName: "")
    _ = other.begin()
    #expect(other.received([UInt8](repeating: 0x53, count: 18)).next == .close(.notNBD))
    var oldstyle = NBDClientHandshake(exportName: "")
    _ = oldstyle.begin()
    #expect(
      oldstyle.received(bytes("4e42444d41474943 0000420281861253 0000")).next
        == .close(.notFixedNewstyle)
    )
  }

  @Test func `a reply to another option, or one without end, ends it`() {
    var other = Self.asking()
    #expect(
      other.received(bytes("0003e889045565a9 00000006 00000001 00000000")).next
        == .close(.malformed)
    )
    var endless = Self.asking()
    #expect(
      endless.received(bytes("\(Self.reply) 00000003 7fffffff")).next
        == .close(.tooLong(byteCount: 0x7fff_ffff))
    )
  }
}
