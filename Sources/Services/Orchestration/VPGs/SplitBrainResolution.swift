// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Ends a VPG's split brain as a person decided: one site keeps its VMs, the other gives its up.
///
/// Each part finds its own work done, and what is left is found again, so a resolution that was
/// interrupted is asked for again. One that has begun to remove recovered VMs goes on by itself
/// when the manager is started again.
struct SplitBrainResolution: Sendable {
  private static let shutdownInSeconds = 30
  /// Pause before a site that does not answer is asked again.
  private static let retryPause = Duration.seconds(2)

  let context: SiteContext
  let finder: SplitBrainFinder
  let recovery: any RecoveryOperating
  let recoveryHalf: RecoveryHalf
  let keeper: ProtectionKeeper

  /// The site that carries it out.
  ///
  /// Of two sites that hold themselves for the protected one, it is the one that is kept; of two
  /// that hold the other one for it, the one that is.
  func executor(keeping site: SiteIdentifier, _ record: VPGRecord) async -> SiteIdentifier {
    switch await finder.find(record)?.cause {
    case .bothProtect: site
    case .neitherProtects(let named): named
    case .bothRun, .isBeingResolved, nil: record.definition.recoverySite
    }
  }

  func begin(
    keeping site: SiteIdentifier,
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    guard [definition.protectedSite, definition.recoverySite].contains(site) else {
      throw .invalid("The site \(site) is none of the VPG \(definition.name).")
    }
    guard let found = await finder.find(record) else {
      throw .conflict("The VPG \(definition.name) has no split brain to resolve.")
    }
    guard found.choices.contains(where: { $0.site == site }) else {
      let names = found.choices.map(\.name).joined(separator: ", ")
      throw .conflict("Of the VPG \(definition.name) only \(names) can be kept now.")
    }
    switch found.cause {
    case .bothProtect:
      return try await run(definition, keeping: site, user) { () async throws(SiteError) in
        try await keepOwn(record)
      }
    case .neitherProtects:
      return try await run(definition, keeping: site, user) { () async throws(SiteError) in
        try await adoptTheirs(record)
      }
    case .bothRun, .isBeingResolved: break
    }
    if site == definition.recoverySite {
      return try await run(definition, keeping: site, user) { () async throws(SiteError) in
        try await askSource(.shutDown, definition)
      }
    }
    guard record.phase == .recovered else {
      let isMove = await recovery.progress(of: definition.identifier)?.status == .moving
      return try await recovery.begin(
        isMove ? .moveRollback : .failoverRollback,
        on: record,
        user: user
      )
    }
    return try await run(definition, keeping: site, user) { () async throws(SiteError) in
      try await giveUp(record)
    }
  }

  // MARK: After a restart

  /// Whether a task of a manager that was stopped is gone on with by ``resume()``.
  static func isContinued(_ task: TaskRecord, _ record: VPGRecord) -> Bool {
    task.kind == .updateVPG && record.isGivenUp
  }

  /// Goes on giving up what a manager that was stopped had begun to, for as long as the other site
  /// does not answer.
  func resume() async {
    let open = await context.tasks.unfinished()
    for record in await context.vpgs.all() where record.isGivenUp {
      let definition = record.definition
      let vpg = definition.identifier
      let body: @Sendable () async throws(SiteError) -> Void = { () async throws(SiteError) in
        try await insisting { () async throws(SiteError) in try await giveUp(record) }
      }
      let task = open.first { $0.vpgs.contains(vpg) && Self.isContinued($0, record) }
      if let task {
        await context.tasks.carryOn(task.identifier) { _ throws(SiteError) in
          try await body()
          await recordEnd(definition, keeping: definition.protectedSite, task.initiatedBy)
        }
        continue
      }
      do throws(SiteError) {
        _ = try await run(definition, keeping: definition.protectedSite, "System", body)
      } catch {
        context.logger.error("split brain not resolved", metadata: ["reason": "\(error.message)"])
      }
    }
  }

  private func insisting(_ body: () async throws(SiteError) -> Void) async throws(SiteError) {
    while true {
      do throws(SiteError) { return try await body() } catch {
        guard case .unreachable = error else { throw error }
      }
      do { try await Task.sleep(for: Self.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  // MARK: Work

  private func run(
    _ definition: VPGDefinition,
    keeping site: SiteIdentifier,
    _ user: String,
    _ body: @escaping @Sendable () async throws(SiteError) -> Void
  ) async throws(SiteError) -> TaskIdentifier {
    try await context.tasks.run(.updateVPG, user: user, vpgs: [definition.identifier]) {
      _ throws(SiteError) in
      try await body()
      await recordEnd(definition, keeping: site, user)
    }
  }

  private func recordEnd(
    _ definition: VPGDefinition,
    keeping site: SiteIdentifier,
    _ user: String
  ) async {
    let name =
      if site == context.site { context.settings.name } else {
        await context.peers.record(of: site)?.name ?? site.rawValue
      }
    await context.events.record(
      .updateVPG,
      "The split brain of the VPG \(definition.name) was resolved: \(name) keeps its VMs.",
      user: user,
      vpgs: [definition.identifier]
    )
  }

  /// The other site, which holds itself for the protected one, lets go; this one protects towards
  /// it.
  ///
  /// Its own definition becomes the newest first: from the moment the other site has let go it
  /// takes a newer definition only, and nobody finds a split brain to resolve any more.
  private func keepOwn(_ record: VPGRecord) async throws(SiteError) {
    let vpg = record.definition.identifier
    let other = try await context.peers.client(for: record.definition.peer(of: context.site))
    let theirs = try await Self.definition(of: vpg, at: other)?.generation ?? 0
    try await context.vpgs.update(vpg) { $0.definition.begin(anew: theirs) }
    let request = SourceRequest(
      wish: .retire,
      shutdownPolicy: .none,
      timeoutInSeconds: 0,
      removesVMs: true
    )
    _ = try await other.source(request, of: vpg)
    await keeper.nudge()
  }

  /// This site protects by the other one's definition, which its own store has lost.
  ///
  /// The streams are the same: its VMs went no other way meanwhile, and what was sent of them
  /// counts.
  private func adoptTheirs(_ record: VPGRecord) async throws(SiteError) {
    let (vpg, name) = (record.definition.identifier, record.definition.name)
    guard await recovery.progress(of: vpg) == nil else {
      throw .conflict("A test or failover of the VPG \(name) is under way; end it first.")
    }
    let other = try await context.peers.client(for: record.definition.peer(of: context.site))
    guard let theirs = try await Self.definition(of: vpg, at: other),
      theirs.protectedSite == context.site
    else { throw .conflict("The other site no longer leaves the VPG \(name) to this one.") }
    try await context.vpgs.update(vpg) { $0 = VPGRecord(definition: theirs) }
    await keeper.nudge()
  }

  private static func definition(
    of vpg: VPGIdentifier,
    at other: any PeerControl
  ) async throws(SiteError) -> VPGDefinition? {
    try await other.state().vpgs.first { $0.definition.identifier == vpg }?.definition
  }

  /// The recovered VMs go, and with them this site's half; the protected site asks for a new one.
  ///
  /// One at a time does, so that none forgets the half that was made anew after another.
  private func giveUp(_ record: VPGRecord) async throws(SiteError) {
    let vpg = record.definition.identifier
    try await context.vpgs.beginChange(of: vpg)
    do throws(SiteError) { try await giveUpAlone(record) } catch {
      await context.vpgs.endChange(of: vpg)
      throw error
    }
    await context.vpgs.endChange(of: vpg)
  }

  private func giveUpAlone(_ record: VPGRecord) async throws(SiteError) {
    let vpg = record.definition.identifier
    guard await context.vpgs.record(vpg)?.recovered != nil else { return }
    try await context.vpgs.update(vpg) { $0.recovered?.isGivenUp = true }
    do {
      for machine in (record.recovered?.vms ?? [:]).values {
        try await context.hypervisor.remove(machine)
      }
    } catch { throw SiteError(error) }
    // The protected site takes its VPG back before this one forgets it: what is asked of it is
    // asked as its partner. It gets no journals while the VPG is here.
    try await askSource(.takeBack, record.definition)
    try await recoveryHalf.drop(vpg, keepsReplicas: true, force: false, from: nil)
  }

  private func askSource(
    _ wish: SourceRequest.Wish,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    var request = SourceRequest(
      wish: wish,
      shutdownPolicy: .forceShutdown,
      timeoutInSeconds: Self.shutdownInSeconds
    )
    request.definitions = [definition]
    let reply = try await context.peers.client(for: definition.protectedSite)
      .source(request, of: definition.identifier)
    guard wish == .takeBack || reply.running.isEmpty else {
      throw .failed("A VM of the VPG \(definition.name) could not be shut down at the other site.")
    }
  }
}

extension VPGDefinition {
  /// Makes it the newest definition, with streams that nothing is known of yet.
  ///
  /// What was noted of the old streams says nothing about disks that went another way.
  mutating func begin(anew otherGeneration: Int) {
    generation = max(generation, otherGeneration) + 1
    for index in vms.indices { vms[index].stream = StreamIdentifier(newGUID()) }
  }
}
