// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Identity
package import Logging
internal import NIOCore
internal import ServiceLifecycle

/// A control port: HTTP/1.1 and JSON over mutual TLS 1.3.
///
/// Clients are known by their certificates, which the trust store vouches for, now and at each
/// request. It runs until its task is cancelled or a graceful shutdown lets the requests that are
/// being answered end.
package struct ControlServer: Service {
  /// Connections without a request are closed after this; clients give them up earlier.
  private static let idleSeconds: Int64 = 90

  private let application: Application<RouterResponder<ControlContext>>

  /// Prepares the port; ``run()`` opens it.
  ///
  /// Port 0 takes a free one; `onListening` is called with the port once connections are taken.
  /// `routes` adds what is answered; anything else is a 404.
  package init(
    host: String,
    port: Int,
    identity: TLSIdentity,
    trust: TrustStore,
    clientCertificate: ClientCertificate,
    logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in },
    routes: (ControlRoutes) -> Void
  ) throws {
    let all = ControlRoutes(trust: trust, logger: logger)
    routes(all)
    let tls = TLSChannelConfiguration(
      tlsConfiguration: try serverTLS(identity: identity, clientCertificate: clientCertificate),
      customVerificationCallback: trust.verificationCallback()
    )
    application = Application(
      responder: all.router.buildResponder(),
      server: HTTPServerBuilder { responder in
        let http = HTTP1Channel(
          responder: responder,
          configuration: .init(idleTimeout: .seconds(Self.idleSeconds))
        )
        return DroppableChannel(try TLSChannel(http, configuration: tls))
      },
      configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
      logger: logger
    )
  }

  /// Takes connections until the task ends.
  ///
  /// - Throws: If the address cannot be listened at.
  package func run() async throws { try await application.run() }
}
