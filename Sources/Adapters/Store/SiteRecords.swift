// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A paired site.
package struct PeerRecord: Codable, Sendable, Equatable {
  package var site: SiteIdentifier
  package var name: String
  package var location: String
  package var version: String
  /// Where its manager takes peers' calls.
  package var host: String
  package var port: Int
  /// The certificate of the authority of the site, in PEM.
  package var authority: String
  package var pairedAt: WallTime

  package init(
    site: SiteIdentifier,
    name: String,
    location: String,
    version: String,
    host: String,
    port: Int,
    authority: String,
    pairedAt: WallTime
  ) {
    self.site = site
    self.name = name
    self.location = location
    self.version = version
    self.host = host
    self.port = port
    self.authority = authority
    self.pairedAt = pairedAt
  }
}

/// A token for pairing that was given out and not used.
package struct PairingTokenRecord: Codable, Sendable, Equatable {
  package var identifier: String
  package var secret: [UInt8]
  package var expires: WallTime

  package init(identifier: String, secret: [UInt8], expires: WallTime) {
    self.identifier = identifier
    self.secret = secret
    self.expires = expires
  }
}

/// What calls of the API said of an appliance, beside or in place of the manager's configuration.
package struct ApplianceRecord: Codable, Sendable, Equatable {
  package var identifier: ApplianceIdentifier
  /// The name of appliances that share something, such as a line; nil is the usual one.
  package var group: String?
  /// Whether it was taken out of service.
  package var isOut = false
  /// Where it is; nil is where the configuration says.
  package var place: Place?

  package init(identifier: ApplianceIdentifier) { self.identifier = identifier }

  /// The host an appliance serves, and where it is reached.
  package struct Place: Codable, Sendable, Equatable {
    package var hostName: String
    package var controlHost: String
    package var controlPort: Int
    package var streamHost: String
    package var streamPort: Int
    /// The appliance's number in the API.
    package var number: Int64

    package init(
      hostName: String,
      controlHost: String,
      controlPort: Int,
      streamHost: String,
      streamPort: Int,
      number: Int64
    ) {
      self.hostName = hostName
      self.controlHost = controlHost
      self.controlPort = controlPort
      self.streamHost = streamHost
      self.streamPort = streamPort
      self.number = number
    }
  }
}

/// Up to when this site has heard what a peer did, by the peer's clock.
package struct HeardHistoryRecord: Codable, Sendable, Equatable {
  package var site: SiteIdentifier
  package var until: WallTime

  package init(site: SiteIdentifier, until: WallTime) {
    self.site = site
    self.until = until
  }
}

/// Whom the manager logs in as at its hosts, where they ask.
package struct HypervisorAccountRecord: Codable, Sendable, Equatable {
  package var user: String
  /// Only this site's manager can open it.
  package var sealedPassword: String

  package init(user: String, sealedPassword: String) {
    self.user = user
    self.sealedPassword = sealedPassword
  }
}

/// What hosts had when they last answered, as JSON, by their addresses.
package struct HostsLastSeenRecord: Codable, Sendable, Equatable {
  package var hosts: [String: String]

  package init(hosts: [String: String]) { self.hosts = hosts }
}
