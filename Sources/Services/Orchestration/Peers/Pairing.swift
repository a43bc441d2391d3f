// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Identity
internal import Logging
internal import RecoveryModel
internal import Store

/// How two sites come to trust each other, and stop to.
///
/// The token's secret never crosses the network: each side proves with it that its authority's
/// certificate arrived unchanged.
struct Pairing: Sendable {
  private static let tokenLifeInMilliseconds: Int64 = 48 * 3600 * 1000

  let context: SiteContext
  /// This site's authority, in PEM.
  let authority: String

  // MARK: The far side

  func generateToken() async throws(SiteError) -> PairingTokenView {
    let token = PairingToken()
    let expires = WallTime(
      milliseconds: context.now().milliseconds + Self.tokenLifeInMilliseconds
    )
    do {
      try await forgetExpiredTokens()
      try await context.store.save(
        PairingTokenRecord(identifier: token.identifier, secret: token.secret, expires: expires)
      )
    } catch { throw SiteError(error) }
    return PairingTokenView(token: token.text, expires: expires)
  }

  /// Answers another site's request.
  ///
  /// A token that is wrong in any way gets the same words.
  func accept(_ request: PairRequest) async throws(SiteError) -> PairReply {
    let refusal = SiteError.invalid("The pairing token is unknown, used or expired.")
    let token: PairingTokenRecord?
    do {
      try await forgetExpiredTokens()
      token = try await context.store.pairingTokens()
        .first { $0.identifier == request.tokenIdentifier }
    } catch { throw SiteError(error) }
    guard let token, request.isProven(by: token.secret) else { throw refusal }
    guard request.site.identifier != context.site else {
      throw .invalid("A site cannot be paired with itself.")
    }
    let reply: PairReply
    do {
      reply = try PairReply(
        site: try await context.description(),
        authority: authority,
        proof: []
      ).proven(by: token.secret, for: request)
    } catch let error as SiteError {
      throw error
    } catch { throw .failed("The pairing cannot be proven: \(error)") }
    do {
      guard try await context.store.takePairingToken(token.identifier) != nil else { throw refusal }
    } catch let error as StoreError {
      throw SiteError(error)
    } catch { throw refusal }
    try await remember(
      request.site,
      host: request.site.peerHost,
      port: request.site.peerPort,
      authority: request.authority
    )
    await context.events.record(.pair, "Paired with the site \(request.site.name).")
    return reply
  }

  private func forgetExpiredTokens() async throws(StoreError) {
    let now = context.now()
    for token in try await context.store.pairingTokens() where token.expires <= now {
      _ = try await context.store.takePairingToken(token.identifier)
    }
  }

  // MARK: The near side

  func pair(
    host: String,
    port: Int,
    token: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    guard !host.isEmpty else { throw .invalid("The other site's address is missing.") }
    guard (1...65535).contains(port) else { throw .invalid("\(port) is no port.") }
    guard let token = PairingToken(text: token) else {
      throw .invalid("The token is not complete: it must have 64 characters.")
    }
    return try await context.tasks.run(.pair, user: user) { [self] _ throws(SiteError) in
      let name = try await meet(host: host, port: port, token: token)
      await context.events.record(.pair, "Paired with the site \(name).", user: user)
    }
  }

  private func meet(
    host: String,
    port: Int,
    token: PairingToken
  ) async throws(SiteError) -> String {
    let request: PairRequest
    do {
      request = try PairRequest(
        tokenIdentifier: token.identifier,
        site: try await context.description(),
        authority: authority,
        proof: []
      ).proven(by: token.secret)
    } catch let error as SiteError {
      throw error
    } catch { throw .failed("The pairing cannot be proven: \(error)") }
    let (reply, port) = try await reach(host, port, request, secret: token.secret)
    guard reply.site.identifier != context.site else {
      throw .invalid("A site cannot be paired with itself.")
    }
    try await remember(reply.site, host: host, port: port, authority: reply.authority)
    return reply.site.name
  }

  /// The other manager's answer, and the port it came from.
  ///
  /// Newer clients of the API name 9071 whatever they are told; managers listen at 9081.
  private func reach(
    _ host: String,
    _ port: Int,
    _ request: PairRequest,
    secret: [UInt8]
  ) async throws(SiteError) -> (PairReply, port: Int) {
    do throws(SiteError) {
      let reply = try await context.connect.pair(host: host, port: port, request, secret: secret)
      return (reply, port)
    } catch {
      guard case .unreachable = error, port == 9071,
        let reply = try? await context.connect
          .pair(host: host, port: 9081, request, secret: secret)
      else { throw error }
      return (reply, 9081)
    }
  }

  private func remember(
    _ site: SiteDescription,
    host: String,
    port: Int,
    authority: String
  ) async throws(SiteError) {
    try await context.peers.save(
      PeerRecord(
        site: site.identifier,
        name: site.name,
        location: site.location,
        version: site.version,
        host: host,
        port: port,
        authority: authority,
        pairedAt: context.now()
      )
    )
  }

  // MARK: Parting

  func unpair(_ site: SiteIdentifier, user: String) async throws(SiteError) -> TaskIdentifier {
    guard let peer = await context.peers.record(of: site) else {
      throw .notFound("This site is not paired with a site \(site).")
    }
    try await refuseWhileSharing(with: site, named: peer.name)
    return try await context.tasks.run(.unpair, user: user, sites: [site]) {
      [self] _ throws(SiteError) in
      do throws(SiteError) {
        try await context.peers.client(for: site).unpair()
      } catch .conflict(let reason) {
        throw .conflict(reason)
      } catch {
        // A peer that is gone, or has forgotten this site already, cannot hold up the parting.
        context.logger.info("peer not told", metadata: ["reason": "\(error.message)"])
      }
      try await refuseWhileSharing(with: site, named: peer.name)
      try await context.peers.remove(site)
      try await context.heard.part(from: site)
      await context.events.record(.unpair, "Unpaired from the site \(peer.name).", user: user)
    }
  }

  func unpaired(by site: SiteIdentifier) async throws(SiteError) {
    guard let peer = await context.peers.record(of: site) else { return }
    try await refuseWhileSharing(with: site, named: peer.name)
    try await context.peers.remove(site)
    try await context.heard.part(from: site)
    await context.events.record(.unpair, "The site \(peer.name) unpaired itself.")
  }

  private func refuseWhileSharing(
    with site: SiteIdentifier,
    named name: String
  ) async throws(SiteError) {
    for record in await context.vpgs.all()
    where record.definition.peer(of: context.site) == site {
      throw .conflict(
        "The VPG \(record.definition.name) is shared with the site \(name); delete it first."
      )
    }
  }
}
