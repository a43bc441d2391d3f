// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL

/// Talks to the peer port of a manager that is not trusted yet, to pair with it.
///
/// Nothing is known of the server's certificate, so nothing it says may be believed before its
/// proof is checked; see ``PairReply/isProven(by:for:)``.
package struct PairingClient: Sendable {
  private static let timeout = Duration.seconds(10)

  private let connections: ControlConnections

  package init(host: String, port: Int) {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv13
    tls.certificateVerification = .none
    connections = ControlConnections(
      host: host,
      port: port,
      tls: tls,
      peerName: "the manager"
    )
  }

  /// Asks to be paired, and believes the answer only if it is proven with the token's secret.
  package func pair(
    _ request: PairRequest,
    secret: [UInt8]
  ) async throws(ControlError) -> PairReply {
    let reply: PairReply = try await connections.exchange(
      .post,
      PeerRoutes.pair,
      query: [:],
      body: request,
      timeout: Self.timeout
    )
    guard reply.isProven(by: secret, for: request) else {
      throw .malformed("the other manager cannot prove that it issued the token")
    }
    return reply
  }
}
