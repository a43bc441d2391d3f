// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Manager

/// `understudy manager`.
package struct ManagerCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "manager",
    abstract: "Run a site's manager.",
    discussion: """
      Serves the REST API (HTTPS, port 9669 by default), speaks with the managers of paired sites \
      and with the site's appliances, and runs recoveries. All it must remember is in its store, a \
      SQLite file or a PostgreSQL database: killed and started again it goes on where it was. Of \
      several managers on one PostgreSQL database one acts, and the others stand by \
      (docs/operating/store.md).

      The configuration is a JSON object:
        siteIdentifier   a GUID that stays the site's for good
        siteName, location
                         what people call it
        stateFolder      where the database is kept
        store            where else it is, may be left out: postgres://…, or
                         sqlite: and the path of a file
        listenHost, listenPort
                         where the REST API is served
        furtherListenPorts
                         a list of ports where it is served too, such as 443;
                         may be left out
        peerHost, peerPort
                         where managers of other sites are listened to
        advertisedHost   where other sites reach this one
        hypervisorURI    libvirt's URI of the site's hypervisor
        furtherHosts     a site of several hosts, may be left out: identifier,
                         hypervisorURIs (docs/operating/sites.md)
        hypervisorAccount
                         whom to log in as where libvirt asks, may be left
                         out: user, passwordFile (docs/operating/sites.md)
        identityFolder   holds cert.pem and key.pem of this manager
        authorityFolder  holds authority.pem and authority.key of the site
        appliances       a list of name, controlURL, streamHost, streamPort, hostName
        pamService       the PAM service operating-system users log in by
        allowsKVM        whether recovered VMs may use KVM
        forwarding       where events go beside the database, a list of url,
                         authorityFile, secretFile; may be left out
                         (docs/operating/alerts.md)
        scripts          where the scripts of VPGs are and whom they run as, may
                         be left out: folder, user (docs/operating/scripts.md)
        access           who may log on and as what, may be left out: roles,
                         saslDatabase, directoryPAMService, closesResourceReports,
                         certificateFolder, auditDays
                         (docs/operating/access.md)
      """
  )

  @Option(help: "The configuration file, JSON.")
  var config: String

  @Option(help: "The store, instead of the configuration's: postgres://… or sqlite:/path.")
  var store: String?

  @Flag(help: "Ask for a session where resource reports are read, as everywhere else.")
  var closedResourceReports = false

  package init() {}

  package func run() async throws {
    var configuration = try ManagerConfiguration(contentsOfFile: config)
    if let store { configuration.store = store }
    if closedResourceReports {
      configuration.access = configuration.access ?? AccessConfiguration()
      configuration.access?.closesResourceReports = true
    }
    let logger = UnderstudyCommand.makeLogger("manager")
    let composition = Composition.required
    let hypervisor = composition.hypervisor(
      try configuration.hypervisorURIs,
      configuration.furtherHosts?.identifier,
      configuration.allowsKVM,
      logger
    )
    try await ManagerService(
      configuration: configuration,
      hypervisor: hypervisor,
      store: try ManagerStore.open(configuration, by: composition),
      logger: logger
    ).run()
  }
}
