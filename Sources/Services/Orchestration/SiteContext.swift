// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Foundation
package import Hypervisor
package import Identity
package import Logging
package import RecoveryModel
package import Scripts
package import Store

/// The parts of a site that its operations work with.
package struct SiteContext: Sendable {
  package let settings: SiteSettings
  package let hypervisor: any Hypervisor
  package let store: any Store
  package let vpgs: VPGBook
  package let tasks: TaskBoard
  package let events: EventLog
  package let replication: ReplicationBook
  package let tweaks: TweakBook
  package let appliances: ApplianceDirectory
  package let applianceBook: ApplianceBook
  package let peers: PeerDirectory
  /// What the peers did.
  package let heard: HeardHistory
  package let historyVersion = HistoryVersion()
  package let powers = KnownPowers()
  package let connect: any SiteConnections
  /// nil runs no scripts.
  package let scripts: (any ScriptRunning)?
  /// nil keeps no repositories.
  package let secrets: SecretBox?
  let gate = RepositoryGate()
  package let scope: WorkScope
  package let logger: Logger
  private let clock: @Sendable () -> WallTime

  package init(
    settings: SiteSettings,
    authority: String,
    hypervisor: any Hypervisor,
    store: any Store,
    connections: any SiteConnections,
    scripts: (any ScriptRunning)? = nil,
    secrets: SecretBox? = nil,
    logger: Logger,
    now: @escaping @Sendable () -> WallTime
  ) {
    self.settings = settings
    self.hypervisor = hypervisor
    self.store = store
    self.logger = logger
    clock = now
    connect = connections
    self.scripts = scripts
    self.secrets = secrets
    scope = WorkScope()
    vpgs = VPGBook(store: store)
    replication = ReplicationBook(store: store, logger: logger)
    tweaks = TweakBook(store: store)
    tasks = TaskBoard(
      site: settings.identifier,
      store: store,
      scope: scope,
      logger: logger,
      version: historyVersion,
      now: now
    )
    events = EventLog(
      site: settings.identifier,
      store: store,
      logger: logger,
      version: historyVersion,
      now: now
    )
    heard = HeardHistory(store: store, now: now)
    let configured = settings.appliances.enumerated().map { index, appliance in
      var appliance = appliance
      appliance.number = Int64(index + 1)
      return appliance
    }
    appliances = ApplianceDirectory(configured, connections: connections, logger: logger)
    applianceBook = ApplianceBook(
      configured: configured,
      directory: appliances,
      store: store,
      connections: connections
    )
    peers = PeerDirectory(
      site: settings.identifier,
      ownAuthority: authority,
      store: store,
      connections: connections,
      appliances: appliances
    )
  }

  package var site: SiteIdentifier { settings.identifier }

  /// What people call a site: this one or a peer; its identifier if it is neither.
  func name(of site: SiteIdentifier) async -> String {
    if site == self.site { return settings.name }
    return await peers.record(of: site)?.name ?? site.rawValue
  }

  /// The VPG's journals, as its recovery site last said how they stand.
  func journals(of definition: VPGDefinition) async -> [JournalStatus] {
    guard definition.recoverySite == site else {
      return await peers.share(of: definition.identifier, at: definition.recoverySite)?
        .journals ?? []
    }
    let sightings = await appliances.sightings
    return definition.vms.compactMap { sightings.journal($0.stream) }
  }

  /// The wall clock.
  package func now() -> WallTime { clock() }

  /// What a VM that is recovered here is beside its disks, as its own site said last.
  package func blueprint(
    of vm: VPGDefinition.ProtectedVM
  ) async throws(SiteError) -> VMBlueprint? {
    do { return try await store.blueprint(of: vm.stream)?.blueprint } catch {
      throw SiteError(error)
    }
  }

  /// Day and time of day, for schedules.
  package func moment() -> BandwidthSchedule.Moment {
    BandwidthSchedule.Moment(clock(), secondsFromGMT: TimeZone.current.secondsFromGMT())
  }

  /// The site as it presents itself to peers.
  package func description() async throws(SiteError) -> SiteDescription {
    let hosts: [Inventory.Host]
    do { hosts = try await hypervisor.inventory().hosts } catch { throw SiteError(error) }
    let presented = hosts.compactMap { host -> ApplianceDescription? in
      guard let appliance = appliances.appliance(on: host.identifier) else { return nil }
      return ApplianceDescription(
        identifier: appliance.identifier,
        host: host.identifier,
        streamHost: appliance.streamHost,
        streamPort: appliance.streamPort
      )
    }
    return SiteDescription(
      identifier: settings.identifier,
      name: settings.name,
      location: settings.location,
      version: settings.version,
      peerHost: settings.peerHost,
      peerPort: settings.peerPort,
      appliances: presented
    )
  }
}
