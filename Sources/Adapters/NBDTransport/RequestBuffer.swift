// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NBDProtocol

/// Bytes received ahead: several short requests come in with one system call, while most of a long
/// payload is received past it, straight to where it belongs.
struct RequestBuffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0

  /// Small enough that copying what it holds costs less than a system call.
  private static let capacity = 32 << 10

  init() {
    storage = .allocate(byteCount: Self.capacity, alignment: 64)
  }

  deinit { storage.deallocate() }

  /// Whether the next request is here, without waiting.
  var holdsRequest: Bool { end - start >= NBDRequest.encodedByteCount }

  /// Takes the next request, waiting for it if need be.
  mutating func takeRequest(from socket: UnixSocket) throws(NBDTransportError) -> NBDRequest {
    if !holdsRequest { try fill(NBDRequest.encodedByteCount, from: socket) }
    let bytes = UnsafeRawBufferPointer(rebasing: storage[start..<end])
    guard let request = NBDRequest(decoding: bytes.bytes) else { throw .protocolViolation }
    start += NBDRequest.encodedByteCount
    return request
  }

  /// Fills `room` with the payload of the request just taken.
  mutating func takePayload(
    into room: UnsafeMutableRawBufferPointer,
    from socket: UnixSocket
  ) throws(NBDTransportError) {
    let held = min(room.count, end - start)
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[start..<start + held]))
    start += held
    try socket.receiveAll(into: UnsafeMutableRawBufferPointer(rebasing: room[held...]))
  }

  /// Drops a payload nobody wants, of `byteCount` bytes.
  mutating func skipPayload(
    byteCount: Int,
    from socket: UnixSocket
  ) throws(NBDTransportError) {
    var missing = byteCount
    while true {
      let held = min(missing, end - start)
      start += held
      missing -= held
      guard missing > 0 else { return }
      try fill(1, from: socket)
    }
  }

  /// Receives until `byteCount` bytes are held.
  private mutating func fill(
    _ byteCount: Int,
    from socket: UnixSocket
  ) throws(NBDTransportError) {
    // Less than a request is left over, so moving it to the front is cheap.
    let rest = UnsafeRawBufferPointer(rebasing: storage[start..<end])
    storage.copyMemory(from: rest)
    start = 0
    end = rest.count
    while end < byteCount {
      end += try socket.receive(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
    }
  }
}
