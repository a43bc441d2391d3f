// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOSSL

/// A connection of the REST API: HTTP/1.1 over TLS, with the certificate of the moment at which it
/// was accepted.
struct RESTChannel: ServerChildChannel {
  let certificate: ServerCertificate
  let http: HTTP1Channel

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(
        NIOSSLServerHandler(context: certificate.context)
      )
    }.flatMap {
      http.setup(channel: channel, logger: logger)
    }
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await http.handle(value: value, logger: logger)
  }
}
