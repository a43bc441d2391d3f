// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// Replies that leave together, in the form the client agreed on.
///
/// Allocated once for a connection; pages nobody touches cost nothing.
struct ReplyBuffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer
  private let isStructured: Bool
  private var used = 0

  /// When so many bytes wait they leave, even if more requests are at hand.
  private static let sendThreshold = 64 << 10

  /// - Parameters:
  ///   - maximumPayload: The longest payload of one reply, in bytes.
  ///   - isStructured: Whether reads are answered in structured replies.
  init(maximumPayload: Int, isStructured: Bool) {
    self.isStructured = isStructured
    let longest = max(
      NBDReplyChunk.dataHeadByteCount + maximumPayload,
      NBDReplyChunk.statusByteCount(extentCount: NBDReplyChunk.extentLimit)
    )
    storage = .allocate(byteCount: Self.sendThreshold + longest, alignment: 64)
  }

  deinit { storage.deallocate() }

  /// Appends the reply to anything but a read or a question for extents.
  mutating func append(
    _ error: NBDErrorCode?,
    to request: NBDRequest,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    var bytes = room.mutableBytes
    NBDSimpleReply(error: error, cookie: request.cookie).encode(into: &bytes)
    try filled(NBDSimpleReply.encodedByteCount, on: socket)
  }

  /// Where the payload of the read answered next goes.
  func payloadRoom(count: Int) -> UnsafeMutableRawBufferPointer {
    let start = used + dataHeadByteCount
    return UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + count])
  }

  /// Appends the reply to a read whose payload was put into ``payloadRoom(count:)``.
  mutating func appendData(
    to request: NBDRequest,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    let count = Int(request.length)
    // Nothing is told by a simple reply: a data chunk has at least one byte.
    guard isStructured, count > 0 else {
      return try appendSimpleData(count, to: request, on: socket)
    }
    var bytes = room.mutableBytes
    NBDReplyChunk.encodeDataHead(
      cookie: request.cookie,
      offset: request.offset,
      count: count,
      into: &bytes
    )
    try filled(NBDReplyChunk.dataHeadByteCount + count, on: socket)
  }

  private mutating func appendSimpleData(
    _ count: Int,
    to request: NBDRequest,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    var bytes = room.mutableBytes
    if isStructured {
      NBDReplyChunk(.nothing, isLast: true, cookie: request.cookie, length: 0)
        .encode(into: &bytes)
      return try filled(NBDReplyChunk.encodedByteCount, on: socket)
    }
    NBDSimpleReply(error: nil, cookie: request.cookie).encode(into: &bytes)
    try filled(NBDSimpleReply.encodedByteCount + count, on: socket)
  }

  /// Appends the failure of a read or of a question for extents.
  mutating func appendFailure(
    _ error: NBDErrorCode,
    to request: NBDRequest,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    guard isStructured else { return try append(error, to: request, on: socket) }
    var bytes = room.mutableBytes
    NBDReplyChunk.encodeError(error, cookie: request.cookie, into: &bytes)
    try filled(NBDReplyChunk.errorByteCount, on: socket)
  }

  /// Appends a context's extents, at most ``NBDReplyChunk/extentLimit``.
  mutating func append(
    _ extents: some Collection<NBDExtent>,
    of context: UInt32,
    to request: NBDRequest,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    var bytes = room.mutableBytes
    NBDReplyChunk.encodeStatus(extents, context: context, cookie: request.cookie, into: &bytes)
    try filled(NBDReplyChunk.statusByteCount(extentCount: extents.count), on: socket)
  }

  /// Sends what waits.
  mutating func send(to socket: UnixSocket) throws(NBDTransportError) {
    guard used > 0 else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: storage[..<used])
    used = 0
    try socket.send(bytes)
  }

  private var dataHeadByteCount: Int {
    isStructured ? NBDReplyChunk.dataHeadByteCount : NBDSimpleReply.encodedByteCount
  }

  private var room: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: storage[used...])
  }

  private mutating func filled(
    _ byteCount: Int,
    on socket: UnixSocket
  ) throws(NBDTransportError) {
    used += byteCount
    if used >= Self.sendThreshold { try send(to: socket) }
  }
}
