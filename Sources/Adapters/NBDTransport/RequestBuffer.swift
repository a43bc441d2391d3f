// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import NBDProtocol

/// Bytes received ahead: several short requests come in with one system call, while a long payload
/// is received straight to where it belongs.
///
/// Replies are held back only as long as there is something to receive without waiting.
struct RequestBuffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var pace = ReceivingPace()

  /// Small enough that copying what it holds costs less than a system call.
  private static let capacity = 32 << 10
  /// After a payload of this many bytes no more than the next request is received ahead, so that
  /// the next payload is not copied.
  private static let longPayload = 16 << 10

  init() {
    storage = .allocate(byteCount: Self.capacity, alignment: 64)
  }

  deinit { storage.deallocate() }

  /// Takes the next request, waiting for it if need be; `replies` leave before it waits.
  mutating func takeRequest(
    from socket: UnixSocket,
    sending replies: inout ReplyBuffer
  ) throws(NBDTransportError) -> NBDRequest {
    if end - start < NBDRequest.encodedByteCount {
      try fill(NBDRequest.encodedByteCount, from: socket, sending: &replies)
    }
    let bytes = UnsafeRawBufferPointer(rebasing: storage[start..<end])
    guard let request = NBDRequest(decoding: bytes.bytes) else { throw .protocolViolation }
    start += NBDRequest.encodedByteCount
    pace.tookRequest()
    return request
  }

  /// Fills `room` with the payload of the request just taken, and receives what follows it as far
  /// as it is there.
  mutating func takePayload(
    into room: UnsafeMutableRawBufferPointer,
    from socket: UnixSocket,
    sending replies: inout ReplyBuffer
  ) throws(NBDTransportError) {
    var filled = min(room.count, end - start)
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<start + filled]))
    start += filled
    guard filled < room.count else { return }
    let ahead = room.count < Self.longPayload ? Self.capacity : NBDRequest.encodedByteCount
    while filled < room.count {
      filled += try receive(
        into: UnsafeMutableRawBufferPointer(rebasing: room[filled...]),
        andThen: UnsafeMutableRawBufferPointer(rebasing: storage[..<ahead]),
        from: socket,
        sending: &replies
      )
    }
    start = 0
    end = filled - room.count
  }

  /// Drops a payload nobody wants, of `byteCount` bytes.
  mutating func skipPayload(
    byteCount: Int,
    from socket: UnixSocket,
    sending replies: inout ReplyBuffer
  ) throws(NBDTransportError) {
    var missing = byteCount
    while true {
      let held = min(missing, end - start)
      start += held
      missing -= held
      guard missing > 0 else { return }
      try fill(1, from: socket, sending: &replies)
    }
  }

  /// Receives until `byteCount` bytes are held.
  private mutating func fill(
    _ byteCount: Int,
    from socket: UnixSocket,
    sending replies: inout ReplyBuffer
  ) throws(NBDTransportError) {
    // Less than a request is left over, so moving it to the front is cheap.
    let rest = UnsafeRawBufferPointer(rebasing: storage[start..<end])
    storage.copyMemory(from: rest)
    start = 0
    end = rest.count
    while end < byteCount {
      end += try receive(
        into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]),
        andThen: UnsafeMutableRawBufferPointer(start: nil, count: 0),
        from: socket,
        sending: &replies
      )
    }
  }

  /// Receives what is there, waiting for it if need be; `replies` leave before it waits.
  private mutating func receive(
    into first: UnsafeMutableRawBufferPointer,
    andThen second: UnsafeMutableRawBufferPointer,
    from socket: UnixSocket,
    sending replies: inout ReplyBuffer
  ) throws(NBDTransportError) -> Int {
    if pace.expectsMore {
      let count = try socket.receive(into: first, andThen: second, waiting: false)
      if count > 0 { return count }
    }
    try replies.send(to: socket)
    if let nap = pace.napWhenNothingIsThere() {
      understudy_nap(nap)
      let count = try socket.receive(into: first, andThen: second, waiting: false)
      if count > 0 { return count }
    }
    let start = understudy_monotonic_nanoseconds()
    while pace.looks(since: start, now: understudy_monotonic_nanoseconds()) {
      let count = try socket.receive(into: first, andThen: second, waiting: false)
      if count > 0 {
        pace.found()
        return count
      }
    }
    let count = try socket.receive(into: first, andThen: second, waiting: true)
    pace.slept(nanoseconds: understudy_monotonic_nanoseconds() - start)
    return count
  }
}
