// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
package import RecoveryModel

/// Takes streams from the appliances of other sites, over mutual TLS 1.3.
///
/// `@unchecked Sendable`: the monitor guards the channel.
package final class StreamListener: @unchecked Sendable {
  /// What may wait to be sent to a peer: far more than one that reads leaves unread.
  private static let unreadByteCount = 1 << 20

  private let host: String
  private let port: Int
  private let tls: NIOSSLContext
  private let trust: TrustStore
  private let table: SessionTable
  private let budget: ReceiveBudget
  private let monitor = Monitor()
  private var channel: (any Channel)?

  /// Makes a listener that does nothing yet; what it refuses is counted in `refusals`.
  ///
  /// All sessions together keep `memoryByteCount` of what is not durable yet, and a frame each;
  /// then nothing is read. Port 0 takes any free port; see ``boundPort``. `sinks` tells who takes a
  /// stream that comes from an appliance of a site, nil to refuse it; it is called on a thread that
  /// may block.
  ///
  /// - Throws: If the identity's certificate or key cannot be used.
  package init(
    host: String,
    port: Int,
    identity: TLSIdentity,
    trust: TrustStore,
    refusals: RefusalLog? = nil,
    memoryByteCount: Int = 32 << 20,
    logger: Logger,
    sinks: @escaping @Sendable (StreamIdentifier, SiteIdentifier) -> (any StreamSink)?
  ) throws {
    self.host = host
    self.port = port
    self.trust = trust
    budget = ReceiveBudget(byteLimit: memoryByteCount)
    tls = try NIOSSLContext(
      configuration: serverTLS(identity: identity, clientCertificate: .required)
    )
    table = SessionTable(
      refusals: refusals ?? RefusalLog(logger: logger),
      logger: logger,
      sinks: sinks
    )
  }

  /// The port in use; nil before the start.
  package var boundPort: Int? { monitor.withLock { channel?.localAddress?.port } }

  /// Listens, once it returns.
  package func start() async throws {
    let (table, trust, tls, budget) = (table, trust, tls, budget)
    let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(
        .writeBufferWaterMark,
        value: .init(low: Self.unreadByteCount / 2, high: Self.unreadByteCount)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let session = ReceiverSession(table: table, budget: budget)
          let verify = trust.verificationCallback { peer in
            session.authenticated(as: peer)
            return peer.role == .appliance
          }
          try channel.pipeline.syncOperations.addHandlers([
            NIOSSLServerHandler(context: tls, customVerificationCallback: verify),
            LinkHandler(session, batches: budget.batches),
          ])
        }
      }
      .bind(host: host, port: port).get()
    monitor.withLock { channel = bound }
  }

  /// Stops listening, ends every session, and returns when every sink knows.
  package func stop() async {
    if let bound = monitor.withLock({ channel }) { try? await bound.close() }
    await table.closeAll()
  }
}
