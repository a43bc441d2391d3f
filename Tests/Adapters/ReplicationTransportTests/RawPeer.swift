// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import NIOCore
import NIOPosix
import NIOSSL
import ReplicationProtocol
import ReplicationTransport

/// A peer that sends whatever bytes it is told, over TLS.
final class RawPeer: Sendable {
  private let channel: any Channel
  private let inbox: Inbox

  init(port: Int, identity: TLSIdentity, trust: TrustStore, reads: Bool) async throws {
    let tls = try NIOSSLContext(configuration: clientTLS(identity: identity))
    let inbox = Inbox(stopsReading: !reads)
    self.inbox = inbox
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let security = try NIOSSLClientHandler(
            context: tls,
            serverHostname: nil,
            customVerificationCallback: trust.verificationCallback()
          )
          try channel.pipeline.syncOperations.addHandlers([security, inbox])
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

  /// Waits until the other side has closed the link, or for long.
  func waitUntilClosed() async { _ = await first { _ -> Bool? in nil } }

  func close() { channel.close(promise: nil) }

  /// The reason the other side gave, in time.
  func refusal() async -> (code: RefusalCode, text: String)? {
    await first { if case .refuse(let code, let text) = $0 { (code, text) } else { nil } }
  }

  /// Whether the other side says where to go on, in time.
  func isWelcomed() async -> Bool {
    await first { if case .welcome = $0 { true } else { nil } } ?? false
  }

  /// Whether a message comes in time.
  func hears(_ message: ControlMessage) async -> Bool {
    await first { $0 == message ? true : nil } ?? false
  }

  /// Whether so many pings come in time.
  func hearsPings(_ count: Int) async -> Bool {
    for _ in 0..<5000 {
      let pings = inbox.messages.filter { if case .ping = $0 { true } else { false } }
      if pings.count >= count { return true }
      guard channel.isActive else { return false }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  private func first<Value>(_ find: (ControlMessage) -> Value?) async -> Value? {
    for _ in 0..<5000 {
      let isClosed = !channel.isActive
      for message in inbox.messages { if let found = find(message) { return found } }
      if isClosed { return nil }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return nil
  }
}

/// What came, as frames.
///
/// `@unchecked Sendable`: the monitor guards the bytes.
private final class Inbox: ChannelDuplexHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private let monitor = Monitor()
  private var bytes: [UInt8] = []
  /// Whether nothing is read after the welcome.
  private let stopsReading: Bool

  init(stopsReading: Bool) { self.stopsReading = stopsReading }

  /// Frames that came whole; only messages are expected.
  var messages: [ControlMessage] {
    var rest = monitor.withLock { bytes }[...]
    var messages: [ControlMessage] = []
    while rest.count >= FrameHeader.byteCount {
      let message: ControlMessage? = rest.withUnsafeBytes { bytes in
        guard let header = try? FrameHeader(decoding: bytes) else { return nil }
        let end = FrameHeader.byteCount + header.bodyByteCount
        guard bytes.count >= end else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<end])
        return try? ControlMessage(kind: header.kind, body: body)
      }
      guard let message else { break }
      messages.append(message)
      rest = rest.dropFirst(message.encoded().count)
    }
    return messages
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    if stopsReading, isWelcomed(with: buffer) {
      _ = context.channel.setOption(.autoRead, value: false)
    }
    monitor.withLock { bytes.append(contentsOf: buffer.readableBytesView) }
  }

  /// Whether these bytes begin with the answer to a hello.
  private func isWelcomed(with bytes: ByteBuffer) -> Bool {
    bytes.getInteger(at: bytes.readerIndex + 4) == FrameKind.welcome.rawValue
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
