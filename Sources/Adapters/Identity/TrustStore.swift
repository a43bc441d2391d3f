// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import NIOSSL
package import RecoveryModel
internal import SwiftASN1
internal import Synchronization
internal import X509

/// The authorities of the sites that this process trusts.
///
/// They can change while it runs: the next verification goes by the new ones.
package final class TrustStore: Sendable {
  private struct Authority {
    let pem: String
    let certificate: Certificate
  }

  /// A leaf that was verified, so that each request of a connection need not do it again.
  private struct Verified {
    let peer: PeerIdentity
    let expiry: Date
  }

  private struct State {
    var authorities: [SiteIdentifier: Authority] = [:]
    /// Counts changes, so that what was verified by older authorities is not remembered.
    var generation = 0
    var verified: [[UInt8]: Verified] = [:]
  }

  private static let rememberedCount = 256

  private let state = Mutex(State())

  package init() {}

  /// Trusts these authorities, in PEM, and no others.
  ///
  /// On an error nothing changes.
  package func set(_ authorities: [SiteIdentifier: String]) throws(IdentityError) {
    var parsed: [SiteIdentifier: Authority] = [:]
    for (site, pem) in authorities {
      parsed[site] = Authority(pem: pem, certificate: try AuthorityCertificate.parse(pem, of: site))
    }
    state.withLock { state in
      state.authorities = parsed
      state.generation += 1
      state.verified = [:]
    }
  }

  /// The trusted authority of a site, in PEM; nil if the site is not trusted.
  package func authorityPEM(of site: SiteIdentifier) -> String? {
    state.withLock { $0.authorities[site]?.pem }
  }

  /// Tells who presented a chain, if a trusted authority vouches for it now.
  ///
  /// The leaf must name exactly one identity, and the authority of that identity's site, no
  /// other, must have issued it.
  package func verify(_ chain: [NIOSSLCertificate]) async -> PeerIdentity? {
    guard let leaf = try? chain.first?.toDERBytes() else { return nil }
    return await verify(leafDER: leaf)
  }

  /// Like ``verify(_:)``, of a leaf in DER.
  ///
  /// Authorities issue leaves themselves, so there are no intermediate certificates.
  package func verify(leafDER: [UInt8]) async -> PeerIdentity? {
    let now = Date()
    if let known = state.withLock({ $0.verified[leafDER] }), known.expiry > now {
      return known.peer
    }
    guard let leaf = try? Certificate(derEncoded: leafDER), let peer = Self.peer(in: leaf) else {
      return nil
    }
    let (authority, generation) = state.withLock { state in
      (state.authorities[peer.site]?.certificate, state.generation)
    }
    guard let authority else { return nil }

    var verifier = Verifier(rootCertificates: CertificateStore([authority])) { RFC5280Policy() }
    let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore([]))
    guard case .validCertificate = result else { return nil }
    remember(
      leafDER,
      Verified(peer: peer, expiry: min(leaf.notValidAfter, authority.notValidAfter)),
      generation: generation
    )
    return peer
  }

  private func remember(_ leafDER: [UInt8], _ verified: Verified, generation: Int) {
    state.withLock { state in
      guard state.generation == generation else { return }
      if state.verified.count >= Self.rememberedCount { state.verified = [:] }
      state.verified[leafDER] = verified
    }
  }

  private static func peer(in leaf: Certificate) -> PeerIdentity? {
    let uris = AuthorityCertificate.uris(of: leaf)
    return uris.count == 1 ? PeerIdentity(uri: uris[0]) : nil
  }
}
