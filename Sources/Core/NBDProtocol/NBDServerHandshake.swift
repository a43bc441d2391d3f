// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The server's side of the fixed newstyle handshake, without I/O.
///
/// Start with ``begin()``, then do what each ``Step`` says: send its reply, then its `next`. One
/// machine serves one connection. TLS is refused, which clients take as "go on without"; of
/// metadata contexts there is `base:allocation`, where the export tells it.
package struct NBDServerHandshake: ~Copyable {
  /// What to do: send `reply`, if there is one, then `next`.
  package struct Step: Equatable, Sendable {
    package var reply: [UInt8]
    package var next: Next
  }

  /// How the handshake goes on.
  package enum Next: Equatable, Sendable {
    /// Receive exactly so many bytes and hand them to ``NBDServerHandshake/received(_:)``.
    case receive(byteCount: Int)
    /// Answer with ``NBDServerHandshake/found(_:)`` whether there is such an export.
    case lookUp(exportName: String)
    /// The handshake is over: requests follow for the export looked up last.
    case transmit(NBDSession)
    /// Close the connection; nil if the client asked for it.
    case close(NBDHandshakeFailure?)
  }

  private enum State {
    case new
    case flags
    case optionHeader
    case optionData(option: UInt32, byteCount: Int)
    case lookUp(option: NBDOption, name: String, asksAllocation: Bool)
    case ended
  }

  private var state = State.new
  private var sendsZeroes = true
  private var usesStructuredReplies = false
  /// The export for which `base:allocation` was asked for, and granted, last.
  private var allocationExport: String?
  private let listedNames: [String]?

  /// Longest option data taken: a name of 4096 bytes, as the protocol limits it, with room to
  /// spare.
  private static let optionByteLimit: UInt32 = 16 << 10
  private static let optionHeaderByteCount = 16

  /// - Parameter listedNames: What a client that asks for a list is told; nil refuses to tell.
  package init(listedNames: [String]? = nil) { self.listedNames = listedNames }

  /// The first step: the greeting.
  package mutating func begin() -> Step {
    guard case .new = state else { preconditionFailure("the handshake began already") }
    var greeting: [UInt8] = []
    greeting.append(bigEndian: NBDMagic.server)
    greeting.append(bigEndian: NBDMagic.option)
    greeting.append(bigEndian: UInt16(NBDHandshakeFlags([.fixedNewstyle, .noZeroes]).rawValue))
    state = .flags
    return Step(reply: greeting, next: .receive(byteCount: 4))
  }

  /// Takes the bytes asked for by ``Next/receive(byteCount:)``.
  package mutating func received(_ bytes: [UInt8]) -> Step {
    switch state {
    case .flags:
      precondition(bytes.count == 4, "not the bytes asked for")
      return readFlags(bytes)
    case .optionHeader:
      precondition(bytes.count == Self.optionHeaderByteCount, "not the bytes asked for")
      return readOptionHeader(bytes)
    case .optionData(let option, let byteCount):
      precondition(bytes.count == byteCount, "not the bytes asked for")
      return answer(option, bytes)
    case .new, .lookUp, .ended:
      preconditionFailure("no bytes were asked for")
    }
  }

  /// Takes the answer to ``Next/lookUp(exportName:)``; nil if there is no such export.
  package mutating func found(_ export: NBDExportDescription?) -> Step {
    guard case .lookUp(let option, let name, let asksAllocation) = state else {
      preconditionFailure("no export was asked for")
    }
    guard let export else {
      if option == .exportName { return close(.unknownExport(name)) }
      return refuse(
        option.rawValue,
        NBDOption.ReplyKind.unknownExport,
        "there is no export \"\(name)\""
      )
    }
    switch option {
    case .listMetaContext, .setMetaContext:
      let isGranted = asksAllocation && export.tellsAllocation
      if option == .setMetaContext { allocationExport = isGranted ? name : nil }
      return continueWithOptions(Self.contextReplies(to: option, hasAllocation: isGranted))
    case .info:
      return continueWithOptions(informationReplies(to: option, about: export))
    case .exportName:
      return transmit(export, name, reply: exportNameReply(export))
    default:
      return transmit(export, name, reply: informationReplies(to: option, about: export))
    }
  }

  private mutating func transmit(
    _ export: NBDExportDescription,
    _ name: String,
    reply: [UInt8]
  ) -> Step {
    state = .ended
    let session = NBDSession(
      export: export,
      usesStructuredReplies: usesStructuredReplies,
      contexts: allocationExport == name && export.tellsAllocation ? [Self.allocation] : []
    )
    return Step(reply: reply, next: .transmit(session))
  }

  private static let allocation = NBDMetaContext(identifier: 1, name: NBDMetaContext.allocation)
}

// MARK: Reading options

extension NBDServerHandshake {
  private mutating func readFlags(_ bytes: [UInt8]) -> Step {
    var reader = MessageReader(bytes)
    let flags = NBDHandshakeFlags(rawValue: reader.take(UInt32.self) ?? 0)
    guard flags.isSubset(of: [.fixedNewstyle, .noZeroes]) else {
      return close(.unknownFlags(flags.rawValue))
    }
    sendsZeroes = !flags.contains(.noZeroes)
    return continueWithOptions([])
  }

  private mutating func readOptionHeader(_ bytes: [UInt8]) -> Step {
    var reader = MessageReader(bytes)
    guard
      reader.take(UInt64.self) == NBDMagic.option,
      let option = reader.take(UInt32.self),
      let byteCount = reader.take(UInt32.self)
    else { return close(.notNBD) }
    guard byteCount <= Self.optionByteLimit else { return close(.tooLong(byteCount: byteCount)) }
    guard byteCount > 0 else { return answer(option, []) }
    state = .optionData(option: option, byteCount: Int(byteCount))
    return Step(reply: [], next: .receive(byteCount: Int(byteCount)))
  }

  private mutating func answer(_ number: UInt32, _ data: [UInt8]) -> Step {
    guard let option = NBDOption(rawValue: number) else {
      return refuse(number, NBDOption.ReplyKind.unsupported, "unknown option")
    }
    switch option {
    case .exportName:
      var reader = MessageReader(data)
      guard let name = reader.takeRemainingText() else { return close(.malformed) }
      return lookUp(option, name)
    case .info, .go:
      guard let name = Self.exportName(ofInformationRequest: data) else {
        return refuse(number, NBDOption.ReplyKind.invalid, "the option's data is malformed")
      }
      return lookUp(option, name)
    case .list:
      return list(data)
    case .abort:
      state = .ended
      return Step(
        reply: Self.optionReply(number, NBDOption.ReplyKind.acknowledged),
        next: .close(nil)
      )
    case .startTLS:
      return refuse(number, NBDOption.ReplyKind.policy, "TLS is not used on this socket")
    case .structuredReply:
      guard data.isEmpty else {
        return refuse(number, NBDOption.ReplyKind.invalid, "the option takes no data")
      }
      usesStructuredReplies = true
      return continueWithOptions(Self.optionReply(number, NBDOption.ReplyKind.acknowledged))
    case .listMetaContext, .setMetaContext:
      return answerContexts(option, data)
    case .peekExport:
      return refuse(number, NBDOption.ReplyKind.unsupported, "not supported")
    }
  }

  private mutating func answerContexts(_ option: NBDOption, _ data: [UInt8]) -> Step {
    guard usesStructuredReplies else {
      return refuse(
        option.rawValue,
        NBDOption.ReplyKind.invalid,
        "structured replies must be agreed on first"
      )
    }
    guard let (name, queries) = Self.contextQueries(data) else {
      return refuse(
        option.rawValue,
        NBDOption.ReplyKind.invalid,
        "the option's data is malformed"
      )
    }
    // To list, no query means all contexts, and a namespace all of it.
    let isListed = option == .listMetaContext && (queries.isEmpty || queries.contains("base:"))
    return lookUp(
      option,
      name,
      asksAllocation: isListed || queries.contains(NBDMetaContext.allocation)
    )
  }

  /// The export and the queries in a list or a choice of contexts; nil if lengths do not add up.
  private static func contextQueries(_ data: [UInt8]) -> (name: String, queries: [String])? {
    var reader = MessageReader(data)
    guard
      let name = reader.takeCountedText(), let queryCount = reader.take(UInt32.self)
    else { return nil }
    var queries: [String] = []
    for _ in 0..<queryCount {
      guard let query = reader.takeCountedText() else { return nil }
      queries.append(query)
    }
    return reader.isAtEnd ? (name, queries) : nil
  }

  /// The name in an `NBD_OPT_INFO` or `NBD_OPT_GO`; nil if its lengths do not add up.
  private static func exportName(ofInformationRequest data: [UInt8]) -> String? {
    var reader = MessageReader(data)
    guard
      let name = reader.takeCountedText(),
      let requestCount = reader.take(UInt16.self)
    else { return nil }
    // What is asked for does not matter: everything we know is told anyway.
    for _ in 0..<requestCount {
      guard reader.take(UInt16.self) != nil else { return nil }
    }
    return reader.isAtEnd ? name : nil
  }

  private mutating func lookUp(
    _ option: NBDOption,
    _ name: String,
    asksAllocation: Bool = false
  ) -> Step {
    state = .lookUp(option: option, name: name, asksAllocation: asksAllocation)
    return Step(reply: [], next: .lookUp(exportName: name))
  }
}

// MARK: Answering

extension NBDServerHandshake {
  private mutating func list(_ data: [UInt8]) -> Step {
    let option = NBDOption.list.rawValue
    guard data.isEmpty else {
      return refuse(option, NBDOption.ReplyKind.invalid, "a list takes no data")
    }
    guard let listedNames else {
      return refuse(option, NBDOption.ReplyKind.policy, "exports are not listed")
    }
    var reply: [UInt8] = []
    for name in listedNames {
      var entry: [UInt8] = []
      entry.append(bigEndian: UInt32(name.utf8.count))
      entry += name.utf8
      reply += Self.optionReply(option, NBDOption.ReplyKind.server, entry)
    }
    return continueWithOptions(
      reply + Self.optionReply(option, NBDOption.ReplyKind.acknowledged)
    )
  }

  private static func contextReplies(to option: NBDOption, hasAllocation: Bool) -> [UInt8] {
    var reply: [UInt8] = []
    if hasAllocation {
      var data: [UInt8] = []
      data.append(bigEndian: option == .setMetaContext ? allocation.identifier : 0)
      data += allocation.name.utf8
      reply = optionReply(option.rawValue, NBDOption.ReplyKind.metaContext, data)
    }
    return reply + optionReply(option.rawValue, NBDOption.ReplyKind.acknowledged)
  }

  /// What the client is told that the export can do, by what was agreed on so far.
  private func flags(of export: NBDExportDescription) -> NBDTransmissionFlags {
    usesStructuredReplies ? export.flags.union(.sendDoNotFragment) : export.flags
  }

  private func exportNameReply(_ export: NBDExportDescription) -> [UInt8] {
    var reply: [UInt8] = []
    reply.append(bigEndian: export.byteCount)
    reply.append(bigEndian: flags(of: export).rawValue)
    if sendsZeroes { reply += [UInt8](repeating: 0, count: 124) }
    return reply
  }

  private func informationReplies(
    to option: NBDOption,
    about export: NBDExportDescription
  ) -> [UInt8] {
    var size: [UInt8] = []
    size.append(bigEndian: Information.export)
    size.append(bigEndian: export.byteCount)
    size.append(bigEndian: flags(of: export).rawValue)
    var blocks: [UInt8] = []
    blocks.append(bigEndian: Information.blockSize)
    blocks.append(bigEndian: export.minimumBlockSize)
    blocks.append(bigEndian: export.preferredBlockSize)
    blocks.append(bigEndian: export.maximumPayload)
    return Self.optionReply(option.rawValue, NBDOption.ReplyKind.information, size)
      + Self.optionReply(option.rawValue, NBDOption.ReplyKind.information, blocks)
      + Self.optionReply(option.rawValue, NBDOption.ReplyKind.acknowledged)
  }

  private typealias Information = NBDOption.Information

  private static func optionReply(
    _ option: UInt32,
    _ kind: UInt32,
    _ data: [UInt8] = []
  ) -> [UInt8] {
    var reply: [UInt8] = []
    reply.append(bigEndian: NBDMagic.optionReply)
    reply.append(bigEndian: option)
    reply.append(bigEndian: kind)
    reply.append(bigEndian: UInt32(data.count))
    return reply + data
  }

  private mutating func refuse(_ option: UInt32, _ kind: UInt32, _ reason: String) -> Step {
    continueWithOptions(Self.optionReply(option, kind, Array(reason.utf8)))
  }

  private mutating func continueWithOptions(_ reply: [UInt8]) -> Step {
    state = .optionHeader
    return Step(reply: reply, next: .receive(byteCount: Self.optionHeaderByteCount))
  }

  private mutating func close(_ failure: NBDHandshakeFailure) -> Step {
    state = .ended
    return Step(reply: [], next: .close(failure))
  }
}
