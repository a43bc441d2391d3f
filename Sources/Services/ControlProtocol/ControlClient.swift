// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
internal import NIOCore
internal import NIOSSL
package import RecoveryModel
internal import Synchronization

/// Talks to the control port of one manager or appliance.
///
/// The server must show a certificate of the expected site and role, issued by the authority that
/// the trust store has for this site at the time. When that authority changes or goes, the
/// connections go with it. Thread-safe; connections are kept and shared.
package final class ControlClient: Sendable {
  private struct Current {
    /// The authority the connections were made by.
    let authorityPEM: String
    let connections: ControlConnections
  }

  private let host: String
  private let port: Int
  private let role: PeerRole
  private let site: SiteIdentifier
  private let identity: TLSIdentity
  private let trust: TrustStore
  private let timeout: Duration
  private let current = Mutex<Current?>(nil)

  /// Makes a client of a server that is to be of this role and site.
  ///
  /// A request may take `timeout` as a whole, unless it says otherwise.
  package init(
    host: String,
    port: Int,
    role: PeerRole,
    site: SiteIdentifier,
    identity: TLSIdentity,
    trust: TrustStore,
    timeout: Duration = .seconds(10)
  ) {
    self.host = host
    self.port = port
    self.role = role
    self.site = site
    self.identity = identity
    self.trust = trust
    self.timeout = timeout
  }

  /// Sends a request and waits for its answer.
  ///
  /// `timeout` is how long it may take as a whole; nil is what the client was made with.
  package func send<Reply: Decodable>(
    _ method: ControlMethod,
    _ path: String,
    query: [String: String] = [:],
    body: (any Encodable)? = nil,
    timeout: Duration? = nil,
    as type: Reply.Type = Reply.self
  ) async throws(ControlError) -> Reply {
    try await connections().exchange(
      method,
      path,
      query: query,
      body: body,
      timeout: timeout ?? self.timeout
    )
  }

  /// Sends a request whose answer says nothing.
  package func perform(
    _ method: ControlMethod,
    _ path: String,
    query: [String: String] = [:],
    body: (any Encodable)? = nil,
    timeout: Duration? = nil
  ) async throws(ControlError) {
    _ = try await send(
      method,
      path,
      query: query,
      body: body,
      timeout: timeout,
      as: ControlAcknowledgement.self
    )
  }

  /// Asks for bytes, which come as they are taken.
  package func content(
    _ path: String,
    query: [String: String]
  ) async throws(ControlError) -> ControlContent {
    try await connections().content(path: path, query: query)
  }

  private func connections() throws(ControlError) -> ControlConnections {
    guard let authorityPEM = trust.authorityPEM(of: site) else {
      current.withLock { $0 = nil }
      throw .unreachable("site \(site) is not trusted: pair with it first")
    }
    if let connections = current.withLock({ current in
      current?.authorityPEM == authorityPEM ? current?.connections : nil
    }) {
      return connections
    }
    let made = try connect(trusting: authorityPEM)
    current.withLock { $0 = Current(authorityPEM: authorityPEM, connections: made) }
    return made
  }

  private func connect(trusting authorityPEM: String) throws(ControlError) -> ControlConnections {
    do {
      var tls = try clientTLS(identity: identity)
      tls.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(Array(authorityPEM.utf8))
      )
      let (trust, role, site) = (trust, role, site)
      return ControlConnections(
        host: host,
        port: port,
        tls: tls,
        peerName: "the \(role.rawValue) of site \(site)",
        admission: { channel in
          trust.admit(channel) { $0.role == role && $0.site == site }
        }
      )
    } catch {
      throw .unreachable("no connection can be made to site \(site): \(error)")
    }
  }
}
