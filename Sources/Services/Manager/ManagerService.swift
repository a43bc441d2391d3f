// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Glibc
package import Hypervisor
internal import Identity
package import Logging
internal import Orchestration
package import RecoveryModel
internal import Scripts
internal import ServiceLifecycle
package import Store
internal import UnixSignals
internal import ZVRAPI

/// A manager: a site, its REST API and its port for peers, in one process.
package struct ManagerService: Sendable {
  /// Dotted numbers: clients parse it.
  package static let version = "0.1.0"

  /// The process's exit status where another manager may act for the site: `EX_TEMPFAIL` of
  /// sysexits.h, to be started again.
  private static let lostRight: Int32 = 75

  private let configuration: ManagerConfiguration
  private let hypervisor: any Hypervisor
  private let store: any Store
  private let logger: Logger
  private let now: @Sendable () -> WallTime

  /// `now`: The wall clock.
  package init(
    configuration: ManagerConfiguration,
    hypervisor: any Hypervisor,
    store: any Store,
    logger: Logger,
    now: @escaping @Sendable () -> WallTime = { .now }
  ) {
    self.now = now
    self.configuration = configuration
    self.hypervisor = hypervisor
    self.store = store
    self.logger = logger
  }

  /// Works until SIGTERM or SIGINT.
  ///
  /// Open requests are answered then, and the guests and their replication go on without a
  /// manager. SIGHUP has the REST API's certificate read again.
  ///
  /// Where several managers share the store, it first waits until it is the one that acts.
  ///
  /// - Parameter onListening: Called with the REST API's port once it takes connections.
  /// - Throws: What keeps the manager from starting, in words for an operator.
  package func run(
    onListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) async throws {
    // Trapped before anything else: it must not end a manager that stands by.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    try await store.becomeActive(
      onWaiting: { [logger] in logger.notice("standing by", metadata: ["reason": "\($0)"]) },
      onLost: { [logger] reason in
        logger.critical(
          "the right to act for the site is lost: this manager ends at once",
          metadata: ["reason": "\(reason)"]
        )
        // Nothing may run on, not even what ends well: another manager is about to act.
        _exit(Self.lostRight)
      }
    )
    if let account = try configuration.hypervisorAccount?.account() { hypervisor.use(account) }
    let authority = try SiteAuthority.loadOrCreate(
      in: configuration.authorityFolder,
      site: configuration.siteIdentifier,
      name: configuration.siteName
    )
    let identity = try identity(from: authority)
    let trust = TrustStore()
    try trust.set([configuration.siteIdentifier: authority.certificatePEM])
    let scripts = try scriptRunner()
    let site = Site(
      settings: try configuration.siteSettings(version: Self.version),
      authority: authority.certificatePEM,
      hypervisor: hypervisor,
      store: store,
      connections: TLSConnections(
        site: configuration.siteIdentifier,
        identity: identity,
        trust: trust
      ),
      scripts: scripts,
      secrets: try authority.secretBox(),
      logger: logger,
      now: now
    )
    try await site.load()
    let peers = try PeerServer(
      host: configuration.peerHost,
      port: configuration.peerPort,
      identity: identity,
      trust: trust,
      service: site,
      logger: logger
    )
    let access = configuration.access ?? AccessConfiguration()
    let roles = try RoleBook(store: store, configured: access.roles ?? [:])
    let authenticator = try ManagerAuthenticator(
      store: store,
      roles: roles,
      pamService: configuration.pamService,
      access: access,
      logger: logger
    )
    let areReportsClosed = access.closesResourceReports ?? false
    logger.info(
      areReportsClosed
        ? "resource reports are closed: reading them needs a session"
        : "resource reports are open: reading them needs no session"
    )
    let certificate = try ServerCertificate(
      folder: access.certificateFolder ?? configuration.identityFolder
    )
    let service = APIService(
      site: site,
      authenticator: authenticator,
      tokens: try TokenIssuer(
        issuer: "https://\(configuration.advertisedHost):\(configuration.listenPort)"
          + "/auth/realms/zerto",
        store: store,
        roles: roles,
        now: now
      ),
      book: StoredAccessBook(
        authorityPEM: authority.certificatePEM,
        store: store,
        events: site.context.events,
        logger: logger,
        now: now
      ),
      reportSigner: try ReportSigner.loadOrCreate(
        in: configuration.authorityFolder,
        authority: authority
      ),
      areReportsClosed: areReportsClosed
    )
    func server(
      at port: Int,
      _ onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> RESTServer {
      RESTServer(
        host: configuration.listenHost,
        port: port,
        advertisedHost: configuration.advertisedHost,
        certificate: certificate,
        service: service,
        logger: logger,
        onListening: onListening
      )
    }
    let further = (configuration.furtherListenPorts ?? []).map { server(at: $0) }
    let rest = [server(at: configuration.listenPort, onListening)] + further
    // The last is stopped first: no calls come in any more while the site ends its work.
    let retention = AuditRetention(
      store: store,
      days: max(access.auditDays ?? 400, 1),
      logger: logger,
      now: now
    )
    let forwarder = try EventForwarder(
      configuration.forwarding ?? [],
      feed: site.context.events.feed,
      ownName: configuration.advertisedHost,
      logger: logger
    )
    let renew: @Sendable () throws -> Void = { try self.issue(from: authority) }
    let watch = CertificateWatch(
      certificate: certificate,
      hangups: hangups,
      renew: access.certificateFolder == nil ? renew : nil,
      events: site.context.events
    )
    let services: [any Service] = [forwarder, site, retention, watch, peers] + rest
    try await ServiceGroup(
      services: services,
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger
    ).run()
    try await store.close()
  }

  /// What runs scripts.
  ///
  /// That there is nobody they could run as is told now, and again when one is to be run.
  private func scriptRunner() throws(ManagerConfigurationError) -> ScriptRunner {
    let settings = configuration.scripts ?? ManagerConfiguration.ScriptSettings()
    do throws(ScriptError) {
      let folders = try ScriptFolders(
        path: settings.folder ?? configuration.stateFolder + "/scripts"
      )
      let runner = ScriptRunner(folders: folders, userName: settings.user)
      do throws(ScriptError) { _ = try runner.account() } catch {
        logger.error("scripts cannot be run", metadata: ["reason": "\(error.message)"])
      }
      return runner
    } catch { throw .badScriptFolder(reason: error.message) }
  }

  /// The manager's certificate; one is issued if the folder holds none, or one that ends soon.
  private func identity(from authority: SiteAuthority) throws -> TLSIdentity {
    let folder = configuration.identityFolder
    let isThere = FileManager.default.fileExists(atPath: folder + "/cert.pem")
    if try !isThere || ServerCertificate(folder: folder).isEnding(at: .now) {
      try issue(from: authority)
    }
    return try TLSIdentity(loading: folder)
  }

  /// Issues the manager's next certificate.
  private func issue(from authority: SiteAuthority) throws {
    try authority.issue(
      role: .manager,
      name: configuration.siteName,
      hosts: [configuration.advertisedHost, "localhost", "127.0.0.1"]
    ).save(in: configuration.identityFolder)
  }
}
