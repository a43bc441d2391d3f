// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Makes sense of the replies a client receives, simple and structured, in any order, without I/O.
///
/// Say what was asked with ``expect(_:)``, then do what each ``Step`` of ``next()`` says. At most
/// one piece of each reply is under way; payloads of reads are never held here.
package struct NBDReplyReader: ~Copyable {
  /// What to do, before the next ``NBDReplyReader/next()``.
  package enum Step: Equatable, Sendable {
    /// Receive exactly so many bytes and hand them to ``NBDReplyReader/received(_:)``.
    case receive(byteCount: Int)
    /// Receive straight into this part of the read's buffer.
    case fill(cookie: UInt64, Range<Int>)
    /// Zero this part of the read's buffer.
    case zero(cookie: UInt64, Range<Int>)
    /// Extents of one context, from the offset asked for on.
    case extents(cookie: UInt64, context: UInt32, [NBDExtent])
    /// The reply is complete; all of a read's buffer is filled unless there is an error.
    case finished(cookie: UInt64, NBDErrorCode?)
    /// The server broke the protocol: close.
    case broken
  }

  private struct Expected {
    let request: NBDRequest
    /// The parts of a read's buffer that came.
    var filled = RangeSet<Int>()
    var error: NBDErrorCode?
    var hasStatus = false
  }

  private enum State {
    case head
    case chunkHead([UInt8])
    case chunk(NBDReplyChunk)
    case dataOffset(NBDReplyChunk)
    /// The current chunk is dealt with.
    case chunkEnd(NBDReplyChunk)
    case finished(cookie: UInt64, NBDErrorCode?)
    case extents(NBDReplyChunk, context: UInt32, [NBDExtent])
    case zero(NBDReplyChunk, Range<Int>)
    case fill(cookie: UInt64, Range<Int>, then: NBDReplyChunk?)
    case broken
  }

  private let isStructured: Bool
  private var expected: [UInt64: Expected] = [:]
  private var state = State.head

  /// Longest chunk taken that is not a read's data: error messages and extents.
  private static let messageByteLimit: UInt32 = 1 << 20

  package init(isStructured: Bool) { self.isStructured = isStructured }

  /// Requests whose reply is not complete.
  package var expectedCount: Int { expected.count }

  /// Takes note of a request that is about to be sent; its cookie is not in use.
  package mutating func expect(_ request: NBDRequest) {
    expected[request.cookie] = Expected(request: request)
  }

  /// What to do next; to be called while replies are expected.
  package mutating func next() -> Step {
    while true {
      switch state {
      case .head: return .receive(byteCount: NBDSimpleReply.encodedByteCount)
      case .chunkHead:
        return .receive(
          byteCount: NBDReplyChunk.encodedByteCount - NBDSimpleReply.encodedByteCount
        )
      case .chunk(let chunk): return .receive(byteCount: Int(chunk.length))
      case .dataOffset: return .receive(byteCount: 8)
      case .fill(let cookie, let range, let chunk):
        state = chunk.map(State.chunkEnd) ?? .finished(cookie: cookie, nil)
        return .fill(cookie: cookie, range)
      case .zero(let chunk, let range):
        state = .chunkEnd(chunk)
        return .zero(cookie: chunk.cookie, range)
      case .extents(let chunk, let context, let extents):
        state = .chunkEnd(chunk)
        return .extents(cookie: chunk.cookie, context: context, extents)
      case .finished(let cookie, let error):
        state = .head
        expected[cookie] = nil
        return .finished(cookie: cookie, error)
      case .chunkEnd(let chunk): state = stateAfter(chunk)
      case .broken: return .broken
      }
    }
  }

  /// Takes the bytes asked for by ``Step/receive(byteCount:)``.
  package mutating func received(_ bytes: [UInt8]) {
    switch state {
    case .head: state = read(head: bytes)
    case .chunkHead(let start): state = read(chunkHead: start + bytes)
    case .dataOffset(let chunk): state = read(dataOffset: bytes, of: chunk)
    case .chunk(let chunk): state = read(chunk, bytes)
    case .chunkEnd, .finished, .extents, .zero, .fill, .broken:
      preconditionFailure("no bytes were asked for")
    }
  }
}

extension NBDReplyReader {
  private func read(head bytes: [UInt8]) -> State {
    guard let reply = NBDSimpleReply(decoding: unsafe bytes.span.bytes) else {
      return isStructured ? .chunkHead(bytes) : .broken
    }
    guard let request = expected[reply.cookie]?.request else { return .broken }
    guard !isStructured || request.type != NBDCommand.read.rawValue else { return .broken }
    guard request.type != NBDCommand.blockStatus.rawValue || reply.error != nil else {
      return .broken
    }
    guard reply.error == nil, request.type == NBDCommand.read.rawValue else {
      return .finished(cookie: reply.cookie, reply.error)
    }
    return .fill(cookie: reply.cookie, 0..<Int(request.length), then: nil)
  }

  private mutating func read(chunkHead bytes: [UInt8]) -> State {
    guard
      let chunk = NBDReplyChunk(decoding: unsafe bytes.span.bytes),
      expected[chunk.cookie] != nil
    else { return .broken }
    if chunk.type == NBDReplyChunk.Kind.data.rawValue {
      return chunk.length > 8 ? .dataOffset(chunk) : .broken
    }
    guard chunk.length <= Self.messageByteLimit else { return .broken }
    return chunk.length > 0 ? .chunk(chunk) : read(chunk, [])
  }

  private mutating func read(dataOffset bytes: [UInt8], of chunk: NBDReplyChunk) -> State {
    var reader = MessageReader(bytes)
    guard
      let offset = reader.take(UInt64.self),
      let range = claim(offset, chunk.length - 8, of: chunk)
    else { return .broken }
    return .fill(cookie: chunk.cookie, range, then: chunk)
  }

  private mutating func read(_ chunk: NBDReplyChunk, _ bytes: [UInt8]) -> State {
    var reader = MessageReader(bytes)
    switch NBDReplyChunk.Kind(rawValue: chunk.type) {
    case nil where chunk.type & NBDReplyChunk.errorBit == 0:
      return .broken
    case nil, .error, .errorAtOffset:
      guard let number = reader.take(UInt32.self), number != 0 else { return .broken }
      expected[chunk.cookie]?.error = NBDErrorCode.decode(number)
      return .chunkEnd(chunk)
    case .nothing:
      return bytes.isEmpty && chunk.isLast ? .chunkEnd(chunk) : .broken
    case .hole:
      guard
        let offset = reader.take(UInt64.self), let count = reader.take(UInt32.self),
        reader.isAtEnd, let range = claim(offset, count, of: chunk)
      else { return .broken }
      return .zero(chunk, range)
    case .blockStatus:
      guard
        expected[chunk.cookie]?.request.type == NBDCommand.blockStatus.rawValue,
        let context = reader.take(UInt32.self),
        let extents = reader.takeExtents()
      else { return .broken }
      expected[chunk.cookie]?.hasStatus = true
      return .extents(chunk, context: context, extents)
    case .data:
      preconditionFailure("data is not taken as a message")
    }
  }

  /// The part of a read's buffer that begins at `offset` of the export; nil if it is not asked
  /// for, or came before.
  private mutating func claim(
    _ offset: UInt64,
    _ count: UInt32,
    of chunk: NBDReplyChunk
  ) -> Range<Int>? {
    guard
      let request = expected[chunk.cookie]?.request,
      request.type == NBDCommand.read.rawValue,
      offset >= request.offset, count > 0,
      offset - request.offset <= request.length,
      UInt64(count) <= UInt64(request.length) - (offset - request.offset)
    else { return nil }
    let start = Int(offset - request.offset)
    let range = start..<start + Int(count)
    guard
      expected[chunk.cookie]?.filled.intersection(RangeSet(range)).isEmpty == true
    else { return nil }
    expected[chunk.cookie]?.filled.insert(contentsOf: range)
    return range
  }

  private func stateAfter(_ chunk: NBDReplyChunk) -> State {
    guard chunk.isLast, let reply = expected[chunk.cookie] else { return .head }
    if reply.error == nil {
      switch NBDCommand(rawValue: reply.request.type) {
      case .read where reply.filled != RangeSet(0..<Int(reply.request.length)): return .broken
      case .blockStatus where !reply.hasStatus: return .broken
      default: break
      }
    }
    return .finished(cookie: chunk.cookie, reply.error)
  }
}

extension MessageReader {
  /// Takes what is left as extents; nil if it is none, or one is empty.
  fileprivate mutating func takeExtents() -> [NBDExtent]? {
    var extents: [NBDExtent] = []
    while !isAtEnd {
      guard
        let count = take(UInt32.self), count > 0, let flags = take(UInt32.self)
      else { return nil }
      extents.append(NBDExtent(count: UInt64(count), flags: flags))
    }
    return extents.isEmpty ? nil : extents
  }
}
