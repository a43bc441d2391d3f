// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Orchestration
package import RecoveryModel

/// What a manager must be told, as a JSON file.
package struct ManagerConfiguration: Codable, Sendable, Equatable {
  /// A lower-case GUID.
  ///
  /// It never changes in a site's life.
  package var siteIdentifier: SiteIdentifier
  package var siteName: String
  package var location: String
  /// Holds the database, unless that is elsewhere.
  package var stateFolder: String
  /// Where the database is, `postgres://…` or `sqlite:` and a path.
  ///
  /// Nil is a file in the state folder.
  package var store: String?
  /// Where the REST API is served.
  ///
  /// The usual port is 9669.
  package var listenHost: String
  package var listenPort: Int
  /// Where it is served too; clients made for appliances know no port but 443.
  package var furtherListenPorts: [Int]?
  /// Where managers of other sites call.
  ///
  /// The usual port is 9081.
  package var peerHost: String
  package var peerPort: Int
  /// The name or address under which others reach this manager.
  package var advertisedHost: String
  /// As libvirt writes it, such as `qemu:///system`.
  package var hypervisorURI: String
  /// The site's other hypervisor hosts, if it has several.
  package var furtherHosts: FurtherHosts?
  /// Whom the manager logs in as, where libvirt asks.
  package var hypervisorAccount: ConfiguredAccount?
  /// Holds `cert.pem` and `key.pem`; they are issued if missing.
  package var identityFolder: String
  /// Holds the site's authority; it is made if missing.
  package var authorityFolder: String
  package var appliances: [Appliance]
  /// PAM's rules for operating-system users, a file in `/etc/pam.d`.
  package var pamService: String
  /// When samples of resources are taken and how long they are kept; hourly, 90 days and a year if
  /// it is missing.
  package var resourceSamples: SampleRules?
  /// Whether recovered VMs may use KVM; they are emulated otherwise.
  package var allowsKVM: Bool
  /// Who may log on, and as what.
  package var access: AccessConfiguration?
  /// Where events go beside the store.
  package var forwarding: [ForwardingTarget]?
  /// Where scripts are and whom they run as.
  package var scripts: ScriptSettings?

  package init(
    siteIdentifier: SiteIdentifier,
    siteName: String,
    location: String,
    stateFolder: String,
    listenHost: String,
    listenPort: Int,
    peerHost: String,
    peerPort: Int,
    advertisedHost: String,
    hypervisorURI: String,
    identityFolder: String,
    authorityFolder: String,
    appliances: [Appliance],
    pamService: String,
    allowsKVM: Bool
  ) {
    self.siteIdentifier = siteIdentifier
    self.siteName = siteName
    self.location = location
    self.stateFolder = stateFolder
    self.listenHost = listenHost
    self.listenPort = listenPort
    self.peerHost = peerHost
    self.peerPort = peerPort
    self.advertisedHost = advertisedHost
    self.hypervisorURI = hypervisorURI
    self.identityFolder = identityFolder
    self.authorityFolder = authorityFolder
    self.appliances = appliances
    self.pamService = pamService
    self.allowsKVM = allowsKVM
  }

  /// Reads the file at `path`.
  package init(contentsOfFile path: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
  }

  /// The hosts of a site beside the first one.
  package struct FurtherHosts: Codable, Sendable, Equatable {
    /// A lower-case GUID that the identifiers of the site's VMs begin with.
    ///
    /// It never changes while VMs are protected. For a site that had one host it is the UUID which
    /// that host's libvirt reports, since its VMs' identifiers begin with it.
    package var identifier: String
    /// As ``ManagerConfiguration/hypervisorURI``, one for each host.
    package var hypervisorURIs: [String]

    package init(identifier: String, hypervisorURIs: [String]) {
      self.identifier = identifier
      self.hypervisorURIs = hypervisorURIs
    }
  }

  /// Where scripts are and whom they run as.
  package struct ScriptSettings: Codable, Sendable, Equatable {
    /// Holds the scripts and what they leave; nil is the folder `scripts` in the state folder.
    package var folder: String?
    /// Never root; nil is `understudy-scripts` or, if there is no such user, `nobody`.
    package var user: String?

    package init(folder: String? = nil, user: String? = nil) {
      self.folder = folder
      self.user = user
    }
  }

  /// An appliance of the site.
  package struct Appliance: Codable, Sendable, Equatable {
    package var name: ApplianceIdentifier
    /// `https://` and the host and port of its control port.
    package var controlURL: String
    /// Where appliances of other sites send their streams.
    package var streamHost: String
    package var streamPort: Int
    /// The hypervisor host it serves, by name; nil is the site's only host.
    package var hostName: String?

    package init(
      name: ApplianceIdentifier,
      controlURL: String,
      streamHost: String,
      streamPort: Int,
      hostName: String?
    ) {
      self.name = name
      self.controlURL = controlURL
      self.streamHost = streamHost
      self.streamPort = streamPort
      self.hostName = hostName
    }
  }
}

extension ManagerConfiguration {
  /// Libvirt's URIs of all hosts of the site.
  ///
  /// Throws ``ManagerConfigurationError/badHosts(reason:)``.
  package var hypervisorURIs: [String] {
    get throws(ManagerConfigurationError) {
      guard let furtherHosts else { return [hypervisorURI] }
      guard UUID(uuidString: furtherHosts.identifier) != nil,
        furtherHosts.identifier == furtherHosts.identifier.lowercased()
      else { throw .badHosts(reason: "identifier is not a lower-case GUID") }
      let uris = [hypervisorURI] + furtherHosts.hypervisorURIs
      guard Set(uris).count == uris.count else {
        throw .badHosts(reason: "hypervisorURIs names a host twice")
      }
      if let appliance = appliances.first(where: { $0.hostName == nil }) {
        throw .badHosts(reason: "the appliance \(appliance.name) does not say its hostName")
      }
      return uris
    }
  }

  /// The site's own settings.
  ///
  /// - Throws: ``ManagerConfigurationError`` if the address of an appliance is none.
  package func siteSettings(version: String) throws(ManagerConfigurationError) -> SiteSettings {
    var settings = SiteSettings(
      identifier: siteIdentifier,
      name: siteName,
      location: location,
      version: version,
      peerHost: advertisedHost,
      peerPort: peerPort,
      appliances: []
    )
    if let resourceSamples {
      guard resourceSamples.isValid else { throw .badSampleRules }
      settings.samples = resourceSamples
    }
    for appliance in appliances {
      guard let url = URL(string: appliance.controlURL), url.scheme == "https",
        let host = url.host(), let port = url.port
      else {
        throw .notAnAddress(appliance: appliance.name, controlURL: appliance.controlURL)
      }
      settings.appliances.append(
        SiteSettings.Appliance(
          identifier: appliance.name,
          hostName: appliance.hostName,
          controlHost: host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")),
          controlPort: port,
          streamHost: appliance.streamHost,
          streamPort: appliance.streamPort
        )
      )
    }
    return settings
  }
}
