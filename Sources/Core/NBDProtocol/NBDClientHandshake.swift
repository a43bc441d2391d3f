// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The client's side of the fixed newstyle handshake, without I/O.
///
/// Start with ``begin()``, then do what each ``Step`` says. Asks with `NBD_OPT_GO`, and with
/// `NBD_OPT_EXPORT_NAME` where the server does not know that. Structured replies are asked for only
/// where metadata contexts are; a server that has neither is as good as one that grants none.
package struct NBDClientHandshake: ~Copyable {
  /// What to do: send `message`, if there is one, then `next`.
  package struct Step: Equatable, Sendable {
    package var message: [UInt8]
    package var next: Next
  }

  /// How the handshake goes on.
  package enum Next: Equatable, Sendable {
    /// Receive exactly so many bytes and hand them to ``NBDClientHandshake/received(_:)``.
    case receive(byteCount: Int)
    /// The handshake is over: requests may be sent.
    case transmit(NBDSession)
    /// Close the connection.
    case close(NBDHandshakeFailure)
  }

  private enum State {
    case new
    case greeting
    case replyHeader
    case replyData(kind: UInt32)
    case exportNameReply
    case ended
  }

  private let exportName: String
  private let wantedContexts: [String]
  private var state = State.new
  /// The option whose replies come.
  private var asked = NBDOption.go
  private var usesStructuredReplies = false
  private var contexts: [NBDMetaContext] = []
  private var flags = NBDHandshakeFlags()
  private var export: NBDExportDescription?
  private var blockSizes: (minimum: UInt32, preferred: UInt32, maximum: UInt32)?

  private static let greetingByteCount = 18
  private static let replyHeaderByteCount = 20
  /// Longest option reply taken.
  private static let replyByteLimit: UInt32 = 16 << 10

  /// - Parameters:
  ///   - exportName: What the server is asked for.
  ///   - contexts: The metadata contexts wanted, by name.
  package init(exportName: String, contexts: [String] = []) {
    self.exportName = exportName
    wantedContexts = contexts
  }

  /// The first step: wait for the server's greeting.
  package mutating func begin() -> Step {
    guard case .new = state else { preconditionFailure("the handshake began already") }
    state = .greeting
    return Step(message: [], next: .receive(byteCount: Self.greetingByteCount))
  }

  /// Takes the bytes asked for by ``Next/receive(byteCount:)``.
  package mutating func received(_ bytes: [UInt8]) -> Step {
    switch state {
    case .greeting: return readGreeting(bytes)
    case .replyHeader: return readReplyHeader(bytes)
    case .replyData(let kind): return readReply(kind, bytes)
    case .exportNameReply: return readExportNameReply(bytes)
    case .new, .ended: preconditionFailure("no bytes were asked for")
    }
  }
}

extension NBDClientHandshake {
  private mutating func readGreeting(_ bytes: [UInt8]) -> Step {
    var reader = MessageReader(bytes)
    guard reader.take(UInt64.self) == NBDMagic.server else { return close(.notNBD) }
    guard
      reader.take(UInt64.self) == NBDMagic.option,
      let offered = reader.take(UInt16.self)
    else { return close(.notFixedNewstyle) }
    flags = NBDHandshakeFlags(rawValue: UInt32(offered))
      .intersection([.fixedNewstyle, .noZeroes])
    guard flags.contains(.fixedNewstyle) else { return close(.notFixedNewstyle) }

    var message: [UInt8] = []
    message.append(bigEndian: flags.rawValue)
    var step = wantedContexts.isEmpty ? askGo() : ask(.structuredReply, [])
    step.message = message + step.message
    return step
  }

  private mutating func ask(_ option: NBDOption, _ data: [UInt8]) -> Step {
    asked = option
    state = .replyHeader
    return Step(
      message: Self.option(option, data),
      next: .receive(byteCount: Self.replyHeaderByteCount)
    )
  }

  private mutating func askGo() -> Step {
    var data = Self.text(exportName)
    data.append(bigEndian: UInt16(1))
    data.append(bigEndian: NBDOption.Information.blockSize)
    return ask(.go, data)
  }

  private mutating func askContexts() -> Step {
    var data = Self.text(exportName)
    data.append(bigEndian: UInt32(wantedContexts.count))
    for name in wantedContexts { data += Self.text(name) }
    return ask(.setMetaContext, data)
  }

  private mutating func readReplyHeader(_ bytes: [UInt8]) -> Step {
    var reader = MessageReader(bytes)
    guard
      reader.take(UInt64.self) == NBDMagic.optionReply,
      reader.take(UInt32.self) == asked.rawValue,
      let kind = reader.take(UInt32.self),
      let byteCount = reader.take(UInt32.self)
    else { return close(.malformed) }
    guard byteCount <= Self.replyByteLimit else { return close(.tooLong(byteCount: byteCount)) }
    guard byteCount > 0 else { return readReply(kind, []) }
    state = .replyData(kind: kind)
    return Step(message: [], next: .receive(byteCount: Int(byteCount)))
  }

  private mutating func readReply(_ kind: UInt32, _ data: [UInt8]) -> Step {
    switch asked {
    case .structuredReply: readStructuredReply(kind)
    case .setMetaContext: readContextReply(kind, data)
    default: readGoReply(kind, data)
    }
  }

  private mutating func readStructuredReply(_ kind: UInt32) -> Step {
    if NBDOption.ReplyKind.isRefusal(kind) { return askGo() }
    guard kind == NBDOption.ReplyKind.acknowledged else { return close(.malformed) }
    usesStructuredReplies = true
    return askContexts()
  }

  /// A server may grant fewer contexts than asked for, or none; only what was asked for counts.
  private mutating func readContextReply(_ kind: UInt32, _ data: [UInt8]) -> Step {
    if NBDOption.ReplyKind.isRefusal(kind) {
      contexts = []
      return askGo()
    }
    if kind == NBDOption.ReplyKind.acknowledged { return askGo() }
    var reader = MessageReader(data)
    guard
      kind == NBDOption.ReplyKind.metaContext, contexts.count < wantedContexts.count,
      let identifier = reader.take(UInt32.self), let name = reader.takeRemainingText(),
      wantedContexts.contains(name)
    else { return close(.malformed) }
    contexts.append(NBDMetaContext(identifier: identifier, name: name))
    state = .replyHeader
    return Step(message: [], next: .receive(byteCount: Self.replyHeaderByteCount))
  }

  private mutating func readGoReply(_ kind: UInt32, _ data: [UInt8]) -> Step {
    switch kind {
    case NBDOption.ReplyKind.acknowledged:
      return finish()
    case NBDOption.ReplyKind.information:
      guard readInformation(data) else { return close(.malformed) }
      state = .replyHeader
      return Step(message: [], next: .receive(byteCount: Self.replyHeaderByteCount))
    case NBDOption.ReplyKind.unsupported:
      state = .exportNameReply
      return Step(
        message: Self.option(.exportName, Array(exportName.utf8)),
        next: .receive(byteCount: flags.contains(.noZeroes) ? 10 : 134)
      )
    case NBDOption.ReplyKind.unknownExport:
      return close(.unknownExport(exportName))
    case _ where NBDOption.ReplyKind.isRefusal(kind):
      return close(.refused(kind: kind, message: String(decoding: data, as: UTF8.self)))
    default:
      return close(.malformed)
    }
  }

  /// Takes a piece of information; false if it makes no sense.
  ///
  /// Kinds not asked for are skipped.
  private mutating func readInformation(_ data: [UInt8]) -> Bool {
    var reader = MessageReader(data)
    switch reader.take(UInt16.self) {
    case nil:
      return false
    case NBDOption.Information.export:
      guard let byteCount = reader.take(UInt64.self), let flags = reader.take(UInt16.self)
      else { return false }
      export = NBDExportDescription(
        byteCount: byteCount,
        flags: NBDTransmissionFlags(rawValue: flags)
      )
      return reader.isAtEnd
    case NBDOption.Information.blockSize:
      guard
        let minimum = reader.take(UInt32.self), let preferred = reader.take(UInt32.self),
        let maximum = reader.take(UInt32.self)
      else { return false }
      blockSizes = (minimum, preferred, maximum)
      return reader.isAtEnd && minimum.nonzeroBitCount == 1 && maximum >= minimum
    default:
      return true
    }
  }

  private mutating func readExportNameReply(_ bytes: [UInt8]) -> Step {
    var reader = MessageReader(bytes)
    guard let byteCount = reader.take(UInt64.self), let flags = reader.take(UInt16.self)
    else { return close(.malformed) }
    export = NBDExportDescription(
      byteCount: byteCount,
      flags: NBDTransmissionFlags(rawValue: flags)
    )
    return finish()
  }

  private mutating func finish() -> Step {
    guard var export else { return close(.malformed) }
    if let blockSizes {
      export.minimumBlockSize = blockSizes.minimum
      export.preferredBlockSize = blockSizes.preferred
      export.maximumPayload = blockSizes.maximum
    }
    state = .ended
    let session = NBDSession(
      export: export,
      usesStructuredReplies: usesStructuredReplies,
      contexts: contexts
    )
    return Step(message: [], next: .transmit(session))
  }

  private mutating func close(_ failure: NBDHandshakeFailure) -> Step {
    state = .ended
    return Step(message: [], next: .close(failure))
  }

  /// A text with its length before it.
  private static func text(_ text: String) -> [UInt8] {
    var data: [UInt8] = []
    data.append(bigEndian: UInt32(text.utf8.count))
    return data + text.utf8
  }

  private static func option(_ option: NBDOption, _ data: [UInt8]) -> [UInt8] {
    var message: [UInt8] = []
    message.append(bigEndian: NBDMagic.option)
    message.append(bigEndian: option.rawValue)
    message.append(bigEndian: UInt32(data.count))
    return message + data
  }
}
