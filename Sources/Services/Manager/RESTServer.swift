// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import ZVRAPI

/// The REST API's port: HTTPS with the certificate of now, and nothing of the API's meaning.
struct RESTServer: Service {
  /// Clients keep connections open between polls.
  private static let idleSeconds: Int64 = 300

  private let application: Application<RESTResponder>

  /// Prepares the port; ``run()`` opens it.
  ///
  /// `host`: The address to listen at.
  ///
  /// `port`: The port; 0 takes a free one.
  ///
  /// `certificate`: What the port shows.
  ///
  /// `advertisedHost`: The name for links in answers to clients that name none.
  ///
  /// `onListening`: Called with the port once connections are taken.
  init(
    host: String,
    port: Int,
    advertisedHost: String,
    certificate: ServerCertificate,
    service: APIService,
    logger: Logger,
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    application = Application(
      responder: RESTResponder(
        service: service,
        fallbackAuthority: "\(advertisedHost):\(port)"
      ),
      server: HTTPServerBuilder { responder in
        DroppableChannel(
          RESTChannel(
            certificate: certificate,
            http: HTTP1Channel(
              responder: responder,
              configuration: .init(idleTimeout: .seconds(Self.idleSeconds))
            )
          )
        )
      },
      configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
      logger: logger
    )
  }

  /// Takes connections until the task ends or a graceful shutdown lets open requests end.
  ///
  /// - Throws: If the address cannot be listened at.
  func run() async throws { try await application.run() }
}
