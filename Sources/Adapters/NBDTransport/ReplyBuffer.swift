// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// Replies that leave together.
///
/// Allocated once for a connection; pages nobody touches cost nothing.
struct ReplyBuffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer
  private var used = 0

  /// When so many bytes wait they leave, even if more requests are at hand.
  private static let sendThreshold = 64 << 10

  /// - Parameter maximumPayload: The longest payload of one reply, in bytes.
  init(maximumPayload: Int) {
    storage = .allocate(
      byteCount: Self.sendThreshold + NBDSimpleReply.encodedByteCount + maximumPayload,
      alignment: 64
    )
  }

  deinit { storage.deallocate() }

  /// Where the payload of the reply appended next goes.
  func payloadRoom(count: Int) -> UnsafeMutableRawBufferPointer {
    let start = used + NBDSimpleReply.encodedByteCount
    return UnsafeMutableRawBufferPointer(rebasing: storage[start..<start + count])
  }

  /// Appends a reply, with the payload that was put into ``payloadRoom(count:)``.
  mutating func append(
    _ reply: NBDSimpleReply,
    payloadByteCount: Int = 0,
    to socket: UnixSocket
  ) throws(NBDTransportError) {
    let room = UnsafeMutableRawBufferPointer(rebasing: storage[used...])
    var bytes = room.mutableBytes
    reply.encode(into: &bytes)
    used += NBDSimpleReply.encodedByteCount + payloadByteCount
    if used >= Self.sendThreshold { try send(to: socket) }
  }

  /// Sends what waits.
  mutating func send(to socket: UnixSocket) throws(NBDTransportError) {
    guard used > 0 else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: storage[..<used])
    used = 0
    try socket.send(bytes)
  }
}
