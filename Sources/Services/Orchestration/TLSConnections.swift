// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Identity
package import RecoveryModel
package import Store

/// A site's connections over mutual TLS, trusting what the site's trust store says.
package struct TLSConnections: SiteConnections {
  private let site: SiteIdentifier
  private let identity: TLSIdentity
  private let trust: TrustStore

  /// Connections of `site`, whose appliances show its own authority's certificates.
  package init(site: SiteIdentifier, identity: TLSIdentity, trust: TrustStore) {
    self.site = site
    self.identity = identity
    self.trust = trust
  }

  package func appliance(_ appliance: SiteSettings.Appliance) -> any ApplianceControl {
    RemoteAppliance(
      client: ApplianceClient(
        host: appliance.controlHost,
        port: appliance.controlPort,
        site: site,
        identity: identity,
        trust: trust
      )
    )
  }

  package func peer(_ peer: PeerRecord) -> any PeerControl {
    RemotePeer(
      client: PeerClient(
        host: peer.host,
        port: peer.port,
        site: peer.site,
        identity: identity,
        trust: trust
      )
    )
  }

  package func pair(
    host: String,
    port: Int,
    _ request: PairRequest,
    secret: [UInt8]
  ) async throws(SiteError) -> PairReply {
    do {
      return try await PairingClient(host: host, port: port).pair(request, secret: secret)
    } catch {
      throw SiteError(error)
    }
  }

  package func setTrust(_ authorities: [SiteIdentifier: String]) throws(SiteError) {
    do { try trust.set(authorities) } catch {
      throw .invalid("A site's certificate cannot be trusted: \(error)")
    }
  }
}
