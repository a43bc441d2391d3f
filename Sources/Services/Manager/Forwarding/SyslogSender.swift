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
    let text = SyslogMessage.text(of: event, host: ownName)
    let channel = try await connected()
    do {
      switch transport {
      case .udp:
        let bytes = ByteBuffer(bytes: text.utf8.prefix(Self.longestDatagram))
        try await channel.writeAndFlush(bytes)
      case .tcp, .tls:
        // Octet counting (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
        try await channel.writeAndFlush(ByteBuffer(string: "\(text.utf8.count) \(text)"))
      }
    } catch {
      self.channel = nil
      try? await channel.close()
      throw error
    }
  }

  func close() async {
    try? await channel?.close()
    channel = nil
  }

  private func connected() async throws -> any Channel {
    if let channel, channel.isActive { return channel }
    let made: any Channel
    switch transport {
    case .udp:
      made = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: host, port: port).get()
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
