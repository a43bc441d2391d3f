// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Identity
package import Logging
internal import NIOCore
internal import NIOSSL
internal import ServiceLifecycle
package import ZVRAPI

/// The REST API's port: HTTPS with the site's certificate, and nothing of the API's meaning.
package struct RESTServer: Service {
  /// Clients keep connections open between polls.
  private static let idleSeconds: Int64 = 300

  private let application: Application<RESTResponder>

  /// Prepares the port; ``run()`` opens it.
  ///
  /// `host`: The address to listen at.
  ///
  /// `port`: The port; 0 takes a free one.
  ///
  /// `advertisedHost`: The name for links in answers to clients that name none.
  ///
  /// `onListening`: Called with the port once connections are taken.
  package init(
    host: String,
    port: Int,
    advertisedHost: String,
    identity: TLSIdentity,
    service: APIService,
    logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws {
    var tls = try serverTLS(identity: identity, clientCertificate: .none)
    // Clients of this API are years old; many know nothing newer.
    tls.minimumTLSVersion = .tlsv12
    application = Application(
      responder: RESTResponder(
        service: service,
        fallbackAuthority: "\(advertisedHost):\(port)"
      ),
      server: try .tls(
        .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
        tlsConfiguration: tls
      ),
      configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
      logger: logger
    )
  }

  /// Takes connections until the task ends or a graceful shutdown lets open requests end.
  ///
  /// - Throws: If the address cannot be listened at.
  package func run() async throws { try await application.run() }
}
