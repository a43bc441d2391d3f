// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOSSL

/// Decides on a peer's certificate chain, in place of BoringSSL's own verification.
package typealias VerificationCallback =
  @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void

/// TLS 1.3 for a server of ours.
///
/// Unless `clientCertificate` is `none`, it works only together
/// with ``TrustStore/verificationCallback(accepting:)``: by itself it trusts no one.
package func serverTLS(
  identity: TLSIdentity,
  clientCertificate: ClientCertificate
) throws(IdentityError) -> TLSConfiguration {
  var configuration = TLSConfiguration.makeServerConfiguration(
    certificateChain: try identity.certificateSources(),
    privateKey: try identity.keySource()
  )
  configuration.minimumTLSVersion = .tlsv13
  configuration.trustRoots = .certificates([])
  configuration.certificateVerification =
    switch clientCertificate {
    case .required: .noHostnameVerification
    case .optional: .optionalVerification
    case .none: .none
    }
  return configuration
}

/// TLS 1.3 for a client of ours, which presents its certificate.
///
/// It works only together with
/// ``TrustStore/verificationCallback(accepting:)``: by itself it trusts no one.
package func clientTLS(identity: TLSIdentity) throws(IdentityError) -> TLSConfiguration {
  var configuration = TLSConfiguration.makeClientConfiguration()
  configuration.certificateChain = try identity.certificateSources()
  configuration.privateKey = try identity.keySource()
  configuration.minimumTLSVersion = .tlsv13
  configuration.trustRoots = .certificates([])
  configuration.certificateVerification = .noHostnameVerification
  return configuration
}

extension TrustStore {
  /// Accepts the peers that a trusted authority vouches for and that `isExpected` lets through.
  package func verificationCallback(
    accepting isExpected: @escaping @Sendable (PeerIdentity) -> Bool = { _ in true }
  ) -> VerificationCallback {
    { chain, promise in
      promise.completeWithTask {
        guard let peer = await self.verify(chain), isExpected(peer) else { return .failed }
        return .certificateVerified
      }
    }
  }

  /// Who is at the other end of a TLS channel, by the trust of now; nil without a certificate or
  /// if it is no longer trusted.
  package func peer(of channel: any Channel) async -> PeerIdentity? {
    guard let certificate = try? await channel.nioSSL_peerCertificate().get() else { return nil }
    return await verify([certificate])
  }
}
