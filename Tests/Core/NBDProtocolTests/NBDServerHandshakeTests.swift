// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NBDProtocol

struct NBDServerHandshakeTests {
  static let export = NBDExportDescription(
    byteCount: 0x0102_0304_0506_0708,
    isReadOnly: false,
    maximumPayload: 0x0200_0000
  )
  static let option = "49484156454f5054"
  static let reply = "0003e889045565a9"

  /// A machine that has taken the client's flags.
  static func greeted(
    flags: String = "00000003",
    listedNames: [String]? = nil
  ) -> NBDServerHandshake {
    var machine = NBDServerHandshake(listedNames: listedNames)
    _ = machine.begin()
    _ = machine.received(bytes(flags))
    return machine
  }

  /// Sends an option, header and data, and returns the last step.
  static func send(
    _ number: UInt8,
    _ data: [UInt8],
    to machine: inout NBDServerHandshake
  ) -> NBDServerHandshake.Step {
    let header = bytes(option) + [0, 0, 0, number, 0, 0, 0, UInt8(data.count)]
    let step = machine.received(header)
    guard !data.isEmpty, step.next == .receive(byteCount: data.count) else { return step }
    return machine.received(data)
  }

  /// The data of `NBD_OPT_GO` and `NBD_OPT_INFO` for the export "disk", asking for block sizes.
  static let goData = bytes("00000004 6469736b 0001 0003")
  static let goReplies = """
    \(reply) 00000007 00000003 0000000c 0000 0102030405060708 096d
    \(reply) 00000007 00000003 0000000e 0003 00000001 00001000 02000000
    \(reply) 00000007 00000001 00000000
    """

  @Test func `the greeting offers the fixed newstyle without zeroes`() {
    var machine = NBDServerHandshake()
    let step = machine.begin()
    #expect(step.reply == bytes("4e42444d41474943 49484156454f5054 0003"))
    #expect(step.next == .receive(byteCount: 4))
  }

  @Test func `go tells size, flags and block sizes, then requests follow`() {
    var machine = Self.greeted()
    let asked = Self.send(7, Self.goData, to: &machine)
    #expect(asked == .init(reply: [], next: .lookUp(exportName: "disk")))
    let granted = machine.found(Self.export)
    #expect(granted.reply == bytes(Self.goReplies))
    #expect(granted.next == .transmit(NBDSession(export: Self.export)))
  }

  @Test func `info tells the same and leaves the client to choose`() {
    var machine = Self.greeted()
    _ = Self.send(6, Self.goData, to: &machine)
    let told = machine.found(Self.export)
    let expected = Self.goReplies.replacing("00000007 0000000", with: "00000006 0000000")
    #expect(told.reply == bytes(expected))
    #expect(told.next == .receive(byteCount: 16))
    let asked = Self.send(7, Self.goData, to: &machine)
    #expect(asked.next == .lookUp(exportName: "disk"))
  }

  @Test func `an unknown export is refused and another can be asked for`() {
    var machine = Self.greeted()
    _ = Self.send(7, Self.goData, to: &machine)
    let refused = machine.found(nil)
    #expect(refused.reply.starts(with: bytes("\(Self.reply) 00000007 80000006")))
    #expect(refused.next == .receive(byteCount: 16))
  }

  @Test(arguments: 0..<goData.count)
  func `a go cut short at any byte is refused`(byteCount: Int) {
    var machine = Self.greeted()
    let step = Self.send(7, Array(Self.goData.prefix(byteCount)), to: &machine)
    #expect(step.reply.starts(with: bytes("\(Self.reply) 00000007 80000003")))
    #expect(step.next == .receive(byteCount: 16))
  }

  @Test(arguments: [
    "00000004 6469736b 0001 0003 00",  // a byte too many
    "ffffffff 6469736b 0001 0003",  // a name longer than the option
    "00000001 ff 0000",  // a name that is not UTF-8
  ])
  func `a go that contradicts itself is refused`(data: String) {
    var machine = Self.greeted()
    let step = Self.send(7, bytes(data), to: &machine)
    #expect(step.reply.starts(with: bytes("\(Self.reply) 00000007 80000003")))
  }

  @Test(arguments: [("00000001", 134), ("00000003", 10)])
  func `export-name ends with zeroes unless the client said no`(flags: String, byteCount: Int) {
    var machine = Self.greeted(flags: flags)
    let asked = Self.send(1, Array("disk".utf8), to: &machine)
    #expect(asked.next == .lookUp(exportName: "disk"))
    let granted = machine.found(Self.export)
    let start = bytes("0102030405060708 096d")
    #expect(granted.reply == start + [UInt8](repeating: 0, count: byteCount - start.count))
    #expect(granted.next == .transmit(NBDSession(export: Self.export)))
  }

  @Test func `export-name has no way to refuse but closing`() {
    var machine = Self.greeted()
    _ = Self.send(1, [], to: &machine)
    #expect(machine.found(nil) == .init(reply: [], next: .close(.unknownExport(""))))
  }

  @Test(arguments: [
    (UInt8(5), "80000002"), (4, "80000001"), (9, "80000003"), (10, "80000003"), (77, "80000001"),
  ])
  func `what is refused says why: policy, unknown, or before its time`(option: UInt8, kind: String)
  {
    var machine = Self.greeted()
    let step = Self.send(option, [], to: &machine)
    let head = bytes(Self.reply) + [0, 0, 0, option] + bytes(kind)
    #expect(step.reply.starts(with: head))
    #expect(step.next == .receive(byteCount: 16))
  }

  @Test func `a list names what it is given`() {
    var machine = Self.greeted(listedNames: ["a", "bc"])
    let step = Self.send(3, [], to: &machine)
    #expect(
      step.reply
        == bytes(
          """
          \(Self.reply) 00000003 00000002 00000005 00000001 61
          \(Self.reply) 00000003 00000002 00000006 00000002 6263
          \(Self.reply) 00000003 00000001 00000000
          """
        )
    )
  }

  @Test func `a list is refused where nothing is to be told, or with data`() {
    var silent = Self.greeted()
    #expect(
      Self.send(3, [], to: &silent).reply
        .starts(with: bytes("\(Self.reply) 00000003 80000002"))
    )
    var telling = Self.greeted(listedNames: ["a"])
    #expect(
      Self.send(3, [1], to: &telling).reply
        .starts(with: bytes("\(Self.reply) 00000003 80000003"))
    )
  }

  @Test func `abort is acknowledged, then the connection is closed`() {
    var machine = Self.greeted()
    let step = Self.send(2, [], to: &machine)
    #expect(step.reply == bytes("\(Self.reply) 00000002 00000001 00000000"))
    #expect(step.next == .close(nil))
  }

  @Test func `flags that mean nothing end it`() {
    var machine = NBDServerHandshake()
    _ = machine.begin()
    #expect(machine.received(bytes("00000004")).next == .close(.unknownFlags(4)))
  }

  @Test func `what is no option ends it`() {
    var machine = Self.greeted()
    #expect(
      machine.received(bytes("49484156454f5055 00000007 00000000")).next == .close(.notNBD)
    )
  }

  @Test func `an option longer than any name ends it before room is made`() {
    var machine = Self.greeted()
    #expect(
      machine.received(bytes("\(Self.option) 00000007 ffffffff")).next
        == .close(.tooLong(byteCount: .max))
    )
  }

  static let telling = NBDExportDescription(
    byteCount: 1 << 20,
    isReadOnly: true,
    maximumPayload: 4096,
    tellsAllocation: true
  )
  /// The data of a choice of contexts for the export "disk".
  static let contextData = bytes("00000004 6469736b 00000001 0000000f") + "base:allocation".utf8

  /// A machine that has agreed on structured replies.
  static func structured() -> NBDServerHandshake {
    var machine = greeted()
    let step = send(8, [], to: &machine)
    #expect(step.reply == bytes("\(reply) 00000008 00000001 00000000"))
    return machine
  }

  @Test func `allocation is granted where the export tells it`() {
    var machine = Self.structured()
    let asked = Self.send(10, Self.contextData, to: &machine)
    #expect(asked == .init(reply: [], next: .lookUp(exportName: "disk")))
    let granted = machine.found(Self.telling)
    #expect(
      granted.reply
        == bytes("\(Self.reply) 0000000a 00000004 00000013 00000001")
        + "base:allocation".utf8 + bytes("\(Self.reply) 0000000a 00000001 00000000")
    )
    _ = Self.send(7, Self.goData, to: &machine)
    let session = NBDSession(
      export: Self.telling,
      usesStructuredReplies: true,
      contexts: [NBDMetaContext(identifier: 1, name: "base:allocation")]
    )
    let last = machine.found(Self.telling)
    #expect(last.next == .transmit(session))
    // Structured replies bring "do not fragment" with them.
    #expect(last.reply.dropFirst(30).starts(with: bytes("0187")))
  }

  @Test func `allocation is not granted for another export, nor by one that tells nothing`() {
    var other = Self.structured()
    _ = Self.send(10, Self.contextData, to: &other)
    _ = other.found(Self.telling)
    _ = Self.send(7, bytes("00000005 6469736b32 0000"), to: &other)
    guard case .transmit(let session) = other.found(Self.telling).next else {
      Issue.record("no export")
      return
    }
    #expect(session.contexts == [])
    var silent = Self.structured()
    _ = Self.send(10, Self.contextData, to: &silent)
    #expect(
      silent.found(Self.export).reply == bytes("\(Self.reply) 0000000a 00000001 00000000")
    )
  }

  @Test(arguments: [
    ("00000000", true), ("00000001 00000005 626173653a", true),
    ("00000001 00000005 71656d753a", false),
  ])
  func `a list of contexts names all, or a namespace's`(queries: String, isNamed: Bool) {
    var machine = Self.structured()
    _ = Self.send(9, bytes("00000004 6469736b \(queries)"), to: &machine)
    let reply = machine.found(Self.telling).reply
    #expect(reply.starts(with: bytes("\(Self.reply) 00000009 00000004")) == isNamed)
  }

  @Test(arguments: 0..<contextData.count)
  func `a choice of contexts cut short at any byte is refused`(byteCount: Int) {
    var machine = Self.structured()
    let step = Self.send(10, Array(Self.contextData.prefix(byteCount)), to: &machine)
    #expect(step.reply.starts(with: bytes("\(Self.reply) 0000000a 80000003")))
  }

  @Test func `a read-only export offers no command that writes`() {
    let export = NBDExportDescription(byteCount: 1, isReadOnly: true, maximumPayload: 4096)
    #expect(export.flags == [.hasFlags, .readOnly, .sendFlush, .canMultiConnect])
  }
}
