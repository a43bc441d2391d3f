// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hypervisor
import Identity
import Logging
import Orchestration
import RecoveryModel
import SQLiteStore
import Scripts
import Store
import Testing

/// Two real sites, london and paris, and rome where a third one is asked for, with their stores in
/// files; hypervisors and appliances are fakes, and the sites call each other directly.
final class TwoSites: Sendable {
  static let london = SiteIdentifier("11111111-1111-1111-1111-111111111111")
  static let paris = SiteIdentifier("22222222-2222-2222-2222-222222222222")
  static let rome = SiteIdentifier("33333333-3333-3333-3333-333333333333")

  let switchboard = Switchboard()
  let londonHypervisor = FakeHypervisor(name: "london")
  let parisHypervisor = FakeHypervisor(name: "paris")
  /// London's second host, if it has one.
  let secondHypervisor = FakeHypervisor(name: "london", hostName: "kvm2")
  let secondAppliance: FakeAppliance
  /// Paris' second host, if it has one: it has the storage of the first one.
  let parisSecondHypervisor = FakeHypervisor(name: "paris", hostName: "kvm2")
  let parisSecondAppliance: FakeAppliance
  let parisHosts: any Hypervisor
  private let parisOthers: [String: FakeAppliance]
  let romeHypervisor = FakeHypervisor(name: "rome")
  let romeAppliance: FakeAppliance
  /// Nil unless it was asked for.
  let romeSite: Site?
  let londonAppliance: FakeAppliance
  let parisAppliance: FakeAppliance
  /// What looks at VMs of the points that paris tries.
  let checks: FakeChecks
  let londonSite: Site
  let parisSite: Site
  /// What paris runs scripts with.
  let scripts: any ScriptRunning
  /// The stores of `londonSite` and `parisSite`.
  let londonStore: KillableStore
  let parisStore: KillableStore
  private let folder: URL

  /// Makes both sites, which do not know each other yet.
  ///
  /// - Parameters:
  ///   - scripts: What paris runs scripts with.
  ///   - guestBootInSeconds: How long a recovered guest may take to come up.
  ///   - hasSecondHost: Whether london has two hosts, each with its appliance.
  ///   - knowsSecond: Whether london's configuration names the second one's.
  ///   - parisClock: What paris takes for the time.
  ///   - parisHasSecondHost: Whether paris has two hosts, with one storage.
  ///   - hasRome: Whether there is a third site.
  /// - Throws: What a store says that cannot be made.
  init(
    scripts: any ScriptRunning = RecordingScripts(),
    guestBootInSeconds: Int = 60,
    hasSecondHost: Bool = false,
    knowsSecond: Bool = true,
    parisClock: @escaping @Sendable () -> WallTime = { .now },
    parisHasSecondHost: Bool = false,
    hasRome: Bool = false
  ) async throws {
    self.scripts = scripts
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-sites-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    londonAppliance = FakeAppliance(londonHypervisor)
    secondAppliance = FakeAppliance(secondHypervisor)
    parisAppliance = FakeAppliance(parisHypervisor)
    checks = FakeChecks(parisAppliance)
    await londonAppliance.connect(to: parisAppliance)
    await secondAppliance.connect(to: parisAppliance)
    parisSecondAppliance = FakeAppliance(parisSecondHypervisor)
    await parisSecondAppliance.see(parisAppliance)
    if parisHasSecondHost { await londonAppliance.connect(to: parisSecondAppliance) }
    parisHosts =
      parisHasSecondHost
      ? HostGroup(
        [parisHypervisor, parisSecondHypervisor],
        at: ["kvm3", "kvm4"],
        events: EventHub()
      ) : parisHypervisor
    parisOthers = parisHasSecondHost ? ["kvm2": parisSecondAppliance] : [:]
    let hosts = HostGroup(
      [londonHypervisor, secondHypervisor],
      at: ["kvm1", "kvm2"],
      events: EventHub()
    )
    londonStore = KillableStore(try Self.store("london", folder))
    londonSite = try Self.site(
      Self.london,
      "london",
      hasSecondHost ? hosts : londonHypervisor,
      londonAppliance,
      switchboard,
      londonStore,
      others: hasSecondHost ? ["kvm2": secondAppliance] : [:],
      configured: hasSecondHost && knowsSecond ? ["kvm2"] : []
    )
    parisStore = KillableStore(try Self.store("paris", folder))
    parisSite = try Self.site(
      Self.paris,
      "paris",
      parisHosts,
      parisAppliance,
      switchboard,
      parisStore,
      checks,
      scripts,
      guestBootInSeconds: guestBootInSeconds,
      others: parisOthers,
      now: parisClock
    )
    romeAppliance = FakeAppliance(romeHypervisor)
    romeSite =
      hasRome
      ? try Self.site(
        Self.rome,
        "rome",
        romeHypervisor,
        romeAppliance,
        switchboard,
        try Self.store("rome", folder)
      ) : nil
    if hasRome { await londonAppliance.connect(to: romeAppliance) }
    try await londonSite.load()
    try await parisSite.load()
    try await romeSite?.load()
  }

  deinit {
    switchboard.forgetSites()
    try? FileManager.default.removeItem(at: folder)
  }

  /// A site on the store it had, as a manager that was started again.
  func londonAgain() async throws -> Site {
    let site = try Self.site(
      Self.london,
      "london",
      londonHypervisor,
      londonAppliance,
      switchboard,
      try Self.store("london", folder)
    )
    try await site.load()
    return site
  }

  /// The same for paris.
  func parisAgain(_ hosts: (any Hypervisor)? = nil) async throws -> Site {
    let site = try Self.site(
      Self.paris,
      "paris",
      hosts ?? parisHosts,
      parisAppliance,
      switchboard,
      try Self.store("paris", folder),
      checks,
      scripts,
      others: parisOthers
    )
    try await site.load()
    return site
  }

  private static func store(_ name: String, _ folder: URL) throws -> SQLiteStore {
    try SQLiteStore(path: folder.appendingPathComponent("\(name).sqlite").path)
  }

  private static func site(
    _ identifier: SiteIdentifier,
    _ name: String,
    _ hypervisor: any Hypervisor,
    _ appliance: FakeAppliance,
    _ switchboard: Switchboard,
    _ store: any Store,
    _ checks: any PointChecking = GuestChecks(),
    _ scripts: (any ScriptRunning)? = nil,
    guestBootInSeconds: Int = 60,
    others: [String: FakeAppliance] = [:],
    configured: [String]? = nil,
    now: @escaping @Sendable () -> WallTime = { .now }
  ) throws -> Site {
    var settings = SiteSettings(
      identifier: identifier,
      name: name,
      location: "",
      version: "1.0",
      peerHost: name,
      peerPort: 9081,
      appliances: (["kvm1"] + (configured ?? others.keys.sorted())).map { host in
        SiteSettings.Appliance(
          identifier: ApplianceIdentifier(host == "kvm1" ? "vra-\(name)" : "vra-\(name)-\(host)"),
          hostName: host,
          controlHost: name,
          controlPort: 1,
          streamHost: name,
          streamPort: host == "kvm1" ? 2 : 3
        )
      }
    )
    settings.guestBootInSeconds = guestBootInSeconds
    let site = Site(
      settings: settings,
      authority: "authority of \(name)",
      hypervisor: hypervisor,
      store: store,
      connections: DirectConnections(
        switchboard: switchboard,
        site: identifier,
        vra: appliance,
        others: others
      ),
      scripts: scripts,
      secrets: SecretBox(secret: Data(name.utf8)),
      logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() },
      now: now,
      recovery: { RecoveryOperations(context: $0, checks: checks) }
    )
    switchboard.add(site, name)
    return site
  }

  /// Runs both sites while `body` runs.
  func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.londonSite.run() }
      group.addTask { await self.parisSite.run() }
      group.addTask { await self.romeSite?.run() }
      defer { group.cancelAll() }
      do { try await body() } catch {
        // A site waits for these calls before it ends, however its task is.
        for site in [londonHypervisor, parisHypervisor, romeHypervisor] { await site.letGo() }
        throw error
      }
    }
  }

  func pair() async throws {
    let token = try await parisSite.generatePairingToken().token
    let task = try await londonSite.pair(host: "paris", port: 9081, token: token, user: "ann")
    try await finished(task, at: londonSite)
  }

  func pairRome(port: Int = 9081) async throws {
    guard let romeSite else { preconditionFailure("there is no third site") }
    let token = try await romeSite.generatePairingToken().token
    let task = try await londonSite.pair(host: "rome", port: port, token: token, user: "ann")
    try await finished(task, at: londonSite)
  }

  /// The same of the VM, but to rome.
  func definitionToRome(_ vm: VMIdentifier, name: String) -> VPGDefinition {
    var definition = definition(vm, name: name)
    definition.recoverySite = Self.rome
    definition.recovery = VPGDefinition.RecoveryDefaults(
      host: romeHypervisor.host,
      datastore: romeHypervisor.datastore,
      folder: romeHypervisor.folder
    )
    definition.networks.failover = romeHypervisor.network
    return definition
  }

  /// A VPG of the VM with everything it needs.
  func definition(_ vm: VMIdentifier, name: String = "web") -> VPGDefinition {
    var definition = VPGDefinition(
      identifier: VPGIdentifier(UUID().uuidString.lowercased()),
      name: name,
      protectedSite: Self.london,
      recoverySite: Self.paris
    )
    definition.policy.checkpointIntervalInSeconds = 1
    definition.recovery = VPGDefinition.RecoveryDefaults(
      host: parisHypervisor.host,
      datastore: parisHypervisor.datastore,
      folder: parisHypervisor.folder
    )
    definition.networks.failover = parisHypervisor.network
    definition.vms = [
      VPGDefinition.ProtectedVM(
        identifier: vm,
        name: "",
        stream: StreamIdentifier(""),
        nics: [],
        volumes: [],
        hardware: VMHardware(
          memoryInMB: 0,
          cpuCount: 0,
          architecture: "",
          machine: "",
          hasGuestAgent: false,
          macAddresses: []
        )
      )
    ]
    return definition
  }

  /// A VM with two disks, protected and in order.
  func protectedVPG(
    _ change: (inout VPGDefinition) -> Void = { _ in }
  ) async throws -> VPGDefinition {
    try await pair()
    let vm = await londonHypervisor.add("web1", disks: 2)
    var wish = definition(vm)
    change(&wish)
    try await finished(try await londonSite.create(wish, user: "ann"), at: londonSite)
    try await eventually("the VPG meets its SLA") {
      try await self.londonSite.vpg(wish.identifier).status == .meetingSLA
    }
    return try await londonSite.vpg(wish.identifier).definition
  }

  /// A VPG that stays at london, with its replicas on the second datastore; london is ready for it.
  func definitionWithinLondon() async -> VPGDefinition {
    await definitionWithinLondon(await londonHypervisor.add("web1", disks: 2), name: "web")
  }

  /// The same of a VM that is there.
  func definitionWithinLondon(_ vm: VMIdentifier, name: String) async -> VPGDefinition {
    await londonAppliance.connect(to: londonAppliance)
    await londonHypervisor.addSecondDatastore()
    var definition = definition(vm, name: name)
    definition.recoverySite = Self.london
    definition.recovery = VPGDefinition.RecoveryDefaults(
      host: londonHypervisor.host,
      datastore: londonHypervisor.secondDatastore,
      folder: londonHypervisor.folder
    )
    definition.networks.failover = londonHypervisor.network
    return definition
  }

  /// Carries an operation out at a site, paris unless it is said, and expects it to succeed.
  @discardableResult
  func perform(
    _ operation: VPGOperation,
    on vpg: VPGIdentifier,
    at site: Site? = nil
  ) async throws -> TaskRecord {
    let site = site ?? parisSite
    return try await finished(try await site.perform(operation, on: vpg, user: "ann"), at: site)
  }

  /// Waits for a task and expects it to succeed.
  @discardableResult
  func finished(
    _ task: TaskIdentifier,
    at site: Site,
    state: TaskRecord.State = .completed
  ) async throws -> TaskRecord {
    try await eventually("task \(task) ends") { try await site.task(task).state.isFinal }
    let record = try await site.task(task)
    #expect(record.state == state, "\(record.completeReason)")
    return record
  }
}

/// Waits until something is so.
func eventually(
  _ what: String,
  within limit: Duration = .seconds(180),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "not in time: \(what)")
    try await Task.sleep(for: .milliseconds(20))
  }
}
