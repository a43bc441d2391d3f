// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A stream socket in the file system.
///
/// It does not own its descriptor: who makes one closes it, once.
struct UnixSocket: Sendable {
  private let descriptor: Int32

  /// A socket that clients can connect to at `path`.
  ///
  /// One that a dead server left there is replaced; a live server's is not, nor any other file.
  static func listening(
    at path: String,
    mode: UInt32
  ) throws(NBDTransportError) -> UnixSocket {
    let found = understudy_is_socket(path)
    if found == -EEXIST { throw .notASocket(path: path) }
    if found == 1 {
      if understudy_is_served_unix(path) == 1 { throw .alreadyServed(path: path) }
      unlink(path)
    }
    let descriptor = understudy_listen_unix(path, mode, 64)
    if descriptor == -EADDRINUSE { throw .alreadyServed(path: path) }
    guard descriptor >= 0 else {
      throw .socket(operation: "listen on", path: path, errno: -descriptor)
    }
    return UnixSocket(descriptor: descriptor)
  }

  /// A connection to the server at `path`, on which nothing waits longer than `timeoutInSeconds`.
  static func connected(
    to path: String,
    timeoutInSeconds: Int
  ) throws(NBDTransportError) -> UnixSocket {
    let descriptor = understudy_connect_unix(path, UInt32(timeoutInSeconds))
    guard descriptor >= 0 else {
      throw .socket(operation: "connect to", path: path, errno: -descriptor)
    }
    return UnixSocket(descriptor: descriptor)
  }

  /// From here on a receive or a send gives up when nothing moves for so long; 0 is never.
  func limitSilence(toSeconds seconds: Int) {
    understudy_limit_silence(descriptor, UInt32(seconds))
  }

  /// Waits for a client; nil if the socket was shut down.
  func accept() -> UnixSocket? {
    while true {
      let descriptor = understudy_accept(self.descriptor)
      if descriptor >= 0 {
        understudy_set_send_buffer(descriptor, 1 << 20)
        return UnixSocket(descriptor: descriptor)
      }
      switch -descriptor {
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        // The client stays in the queue: others have to give something back first.
        poll(nil, 0, 100)
      default:
        return nil
      }
    }
  }

  /// Sends all of `bytes`.
  func send(_ bytes: UnsafeRawBufferPointer) throws(NBDTransportError) {
    let result = understudy_send_all(descriptor, bytes.baseAddress, bytes.count)
    guard result == 0 else { throw Self.failure(-result) }
  }

  /// Receives what is there, at least one byte, and returns how many.
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(NBDTransportError) -> Int {
    let count = understudy_receive(descriptor, buffer.baseAddress, buffer.count)
    guard count != 0 else { throw .connectionClosed }
    guard count > 0 else { throw Self.failure(Int32(-count)) }
    return count
  }

  /// Receives what is there, at least one byte, into `first` and then into `second`, and returns
  /// how many.
  ///
  /// Where nothing is there it waits, or returns 0 if not `waiting`.
  func receive(
    into first: UnsafeMutableRawBufferPointer,
    andThen second: UnsafeMutableRawBufferPointer,
    waiting: Bool
  ) throws(NBDTransportError) -> Int {
    let count = understudy_receive_both(
      descriptor,
      first.baseAddress,
      first.count,
      second.baseAddress,
      second.count,
      waiting ? 1 : 0
    )
    guard count != 0 else { throw .connectionClosed }
    if count == -Int(EAGAIN), !waiting { return 0 }
    guard count > 0 else { throw Self.failure(Int32(-count)) }
    return count
  }

  /// Fills all of `buffer`.
  func receiveAll(into buffer: UnsafeMutableRawBufferPointer) throws(NBDTransportError) {
    var filled = 0
    while filled < buffer.count {
      filled += try receive(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
    }
  }

  /// Wakes whoever is blocked on the socket, on any thread, for good.
  func shutDown() { understudy_shut_down(descriptor) }

  func close() { Glibc.close(descriptor) }

  private static func failure(_ errno: Int32) -> NBDTransportError {
    errno == EAGAIN ? .timedOut : .connectionClosed
  }
}

extension UnixSocket {
  /// Sends a message of the handshake.
  func send(_ message: [UInt8]) throws(NBDTransportError) {
    guard !message.isEmpty else { return }
    try message.span.bytes.withUnsafeBytes { (bytes) throws(NBDTransportError) in
      try send(bytes)
    }
  }

  /// Receives a message of the handshake, of exactly `byteCount` bytes.
  func receive(byteCount: Int) throws(NBDTransportError) -> [UInt8] {
    var message = [UInt8](repeating: 0, count: byteCount)
    var span = message.mutableSpan
    var bytes = span.mutableBytes
    try bytes.withUnsafeMutableBytes { (buffer) throws(NBDTransportError) in
      try receiveAll(into: buffer)
    }
    return message
  }
}
