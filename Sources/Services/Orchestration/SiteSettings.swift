// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What a site is told about itself when it is set up.
package struct SiteSettings: Sendable, Equatable {
  package var identifier: SiteIdentifier
  package var name: String
  package var location: String
  package var contactName = ""
  package var contactEmail = ""
  package var contactPhone = ""
  /// Dotted numbers.
  package var version: String
  /// Where other sites reach this manager's peer port.
  package var peerHost: String
  package var peerPort: Int
  package var appliances: [Appliance]
  package var samples = SampleRules()
  /// How long a recovered guest may take until its agent answers.
  ///
  /// Nothing says how long a guest boots. What waits for it is worth less than the recovery, which
  /// goes on after that time.
  package var guestBootInSeconds = 120

  package init(
    identifier: SiteIdentifier,
    name: String,
    location: String,
    version: String,
    peerHost: String,
    peerPort: Int,
    appliances: [Appliance]
  ) {
    self.identifier = identifier
    self.name = name
    self.location = location
    self.version = version
    self.peerHost = peerHost
    self.peerPort = peerPort
    self.appliances = appliances
  }

  /// An appliance of the site.
  package struct Appliance: Sendable, Equatable {
    package var identifier: ApplianceIdentifier
    /// The hypervisor host it serves, by name; nil is the site's only host.
    package var hostName: String?
    package var controlHost: String
    package var controlPort: Int
    /// Where other sites' appliances send their streams.
    package var streamHost: String
    package var streamPort: Int
    /// Its number in the API; those of the configuration are counted from 1.
    package var number: Int64 = 0
    package var group = Self.usualGroup

    /// The group of an appliance that nobody put into another one.
    package static let usualGroup = "default_group"

    package init(
      identifier: ApplianceIdentifier,
      hostName: String? = nil,
      controlHost: String,
      controlPort: Int,
      streamHost: String,
      streamPort: Int
    ) {
      self.identifier = identifier
      self.hostName = hostName
      self.controlHost = controlHost
      self.controlPort = controlPort
      self.streamHost = streamHost
      self.streamPort = streamPort
    }
  }
}
