// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import RecoveryModel

/// Sends messages to one syslog receiver, over a connection that it makes when it needs one.
actor SyslogSender: EventSender {
  private static let patience = TimeAmount.seconds(10)
  /// What every receiver takes in one datagram (RFC 5424, section 6.1).
  private static let longestDatagram = 2048

  private let transport: SyslogTransport
  private let host: String
  private let port: Int
  private let tls: TLSConfiguration?
  private let ownName: String
  private var channel: (any Channel)?

  init(
    _ transport: SyslogTransport,
    host: String,
    port: Int,
    tls: TLSConfiguration?,
    ownName: String
  ) {
    self.transport = transport
    self.host = host
    self.port = port
    self.tls = tls
    self.ownName = ownName
  }

  func send(_ event: EventRecord) async throws {
    var text = SyslogMessage.text(of: event, host: ownName)
    switch transport {
    case .udp:
      // Whole characters (RFC 5424, section 6.1).
      while text.utf8.count > Self.longestDatagram { text.removeLast() }
    case .tcp, .tls:
      // Octet counting (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
      text = "\(text.utf8.count) \(text)"
    }
    let channel = try await connected()
    do { try await Self.write(ByteBuffer(string: text), to: channel) } catch {
      self.channel = nil
      try? await channel.close()
      throw error
    }
  }

  func close() async {
    try? await channel?.close()
    channel = nil
  }

  /// Writes, and closes the connection if that takes too long or is not wanted any more.
  ///
  /// A receiver that takes the connection and reads nothing, or never answers the TLS handshake,
  /// would hold the writer for good, and a manager that is to stop.
  private static func write(_ bytes: ByteBuffer, to channel: any Channel) async throws {
    let limit = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    defer { limit.cancel() }
    try await withTaskCancellationHandler {
      try await channel.writeAndFlush(bytes)
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  private func connected() async throws -> any Channel {
    if let channel, channel.isActive { return channel }
    let made: any Channel
    switch transport {
    case .udp:
      // The bootstrap would ask the name server on this thread, which is one of few.
      let address = try await NIOThreadPool.singleton.runIfActive { [host, port] in
        try SocketAddress.makeAddressResolvingHost(host, port: port)
      }
      made = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(to: address).get()
    case .tcp, .tls:
      let context = try tls.map { try NIOSSLContext(configuration: $0) }
      let host = host
      let name = SocketAddress.isAddress(host) ? nil : host
      made = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(Self.patience)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            if let context {
              try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: name)
              )
            }
          }
        }
        .connect(host: host, port: port).get()
    }
    channel = made
    return made
  }
}

extension SocketAddress {
  /// Whether a host is an address, for which there is no server name to send.
  fileprivate static func isAddress(_ host: String) -> Bool {
    (try? SocketAddress(ipAddress: host, port: 0)) != nil
  }
}
