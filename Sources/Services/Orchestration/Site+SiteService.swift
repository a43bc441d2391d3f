// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
package import RecoveryModel
internal import Store

extension Site: SiteService {
  // MARK: VPGs

  package func vpgs(
    where isWanted: @Sendable (VPGDefinition) -> Bool
  ) async throws(SiteError) -> [VPGView] {
    let records = await context.vpgs.all().keeping { isWanted($0.definition) }
    let surroundings = try await surroundings(of: records)
    let judge = await witnesses.judge(of: records)
    // By their indices, which copies none of them.
    return records.indices.map { surroundings.shown(in: judge.view(records[$0])) }
  }

  package func vpg(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGView {
    let record = try await record(vpg)
    return try await surroundings(of: [record])
      .shown(in: witnesses.judge(of: record).view(record))
  }

  package func names() async throws(SiteError) -> SiteNames {
    var names = SiteNames(vpgs: await context.vpgs.allNames(), sites: await context.peers.names())
    names.sites[context.site] = context.settings.name
    let owners = await context.vpgs.allOrganisations()
    if !owners.isEmpty {
      // Others than this manager change these in its store.
      let known = Dictionary(
        try await organisations().map { ($0.identifier, $0) },
        uniquingKeysWith: { first, _ in first }
      )
      names.organisations = owners.compactMapValues { known[$0] }
    }
    return names
  }

  private func surroundings(
    of records: [VPGRecord]
  ) async throws(SiteError) -> VPGSurroundings {
    // Others than this manager change these in its store; few VPGs have one.
    let haveProfiles = records.indices.contains { records[$0].definition.hasServiceProfile }
    let haveOrganisations = records.indices.contains { records[$0].definition.hasOrganisation }
    return VPGSurroundings(
      levels: await alertBook.levels(),
      profiles: haveProfiles ? try await serviceProfiles() : [],
      organisations: haveOrganisations ? try await organisations() : []
    )
  }

  package func checkpoints(
    of vpg: VPGIdentifier,
    from start: WallTime?,
    to end: WallTime?
  ) async throws(SiteError) -> [Checkpoint] {
    let definition = try await record(vpg).definition
    let all: [Checkpoint]
    if definition.recoverySite == context.site {
      all = try await RecoverySite(context: context, definition: definition).checkpoints()
    } else {
      let peer = try await context.peers.client(for: definition.recoverySite)
      do { all = try await peer.checkpoints(of: vpg) } catch {
        // The other site hears of a VPG after this one made it.
        guard case .notFound = error else { throw error }
        all = []
      }
    }
    return all.filter { checkpoint in
      start.map { $0 <= checkpoint.time } ?? true && end.map { checkpoint.time <= $0 } ?? true
    }
  }

  package func create(
    _ definition: VPGDefinition,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    if definition.protectedSite == context.site {
      return try await protectedHalf.create(definition, user: user)
    }
    guard definition.recoverySite == context.site,
      await context.peers.record(of: definition.protectedSite) != nil
    else {
      var check = DefinitionCheck(definition)
      check.checkItself(others: await context.vpgs.all())
      if !definition.protectedSite.rawValue.isEmpty {
        check.note(
          "Basic.ProtectedSiteIdentifier",
          "\(definition.protectedSite) is neither this site nor one that is paired with it"
        )
      }
      throw .rejected(check.problems)
    }
    let peer = try await context.peers.client(for: definition.protectedSite)
    let task = try await peer.create(CreateRequest(definition: definition, userName: user))
    return await heard(task, of: definition.protectedSite, peer)
  }

  package func perform(
    _ operation: VPGOperation,
    on vpg: VPGIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let record = try await record(vpg)
    let owner = await owner(of: operation, record)
    if owner == context.site {
      return try await carryOut(operation, on: record, user: user)
    }
    do throws(SiteError) {
      let peer = try await context.peers.client(for: owner)
      let task = try await peer.perform(
        OperationRequest(operation: operation, userName: user),
        on: vpg
      )
      return await heard(task, of: owner, peer)
    } catch {
      // The protected site may be gone for good, or know nothing of the VPG any more; what is here
      // can still be taken away.
      guard case .delete(let keeps, let force) = operation,
        force ? Self.canGoOnWithoutOwner(error) : Self.isForgotten(error)
      else { throw error }
      return try await dropHere(record, keepsReplicas: keeps, force: force, user: user)
    }
  }

  /// The site that carries an operation out.
  func owner(of operation: VPGOperation, _ record: VPGRecord) async -> SiteIdentifier {
    if case .resolve(let site) = operation {
      return await resolution.executor(keeping: site, record)
    }
    let definition = record.definition
    return operation.runsAtRecoverySite ? definition.recoverySite : definition.protectedSite
  }

  var resolution: SplitBrainResolution {
    SplitBrainResolution(
      context: context,
      finder: witnesses.splitBrains,
      recovery: recovery,
      recoveryHalf: recoveryHalf,
      keeper: keeper
    )
  }

  /// Whether the site that owns the VPG is away, or has forgotten it.
  private static func canGoOnWithoutOwner(_ error: SiteError) -> Bool {
    switch error {
    case .unreachable, .notFound: true
    case .invalid, .rejected, .conflict, .failed: false
    }
  }

  private static func isForgotten(_ error: SiteError) -> Bool {
    if case .notFound = error { true } else { false }
  }

  private func dropHere(
    _ record: VPGRecord,
    keepsReplicas: Bool,
    force: Bool,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = record.definition.identifier
    return try await context.tasks.run(.removeVPG, user: user, vpgs: [vpg]) {
      [recoveryHalf, context] _ throws(SiteError) in
      try await recoveryHalf.drop(
        vpg,
        keepsReplicas: keepsReplicas,
        force: force,
        from: nil
      )
      await context.events.record(
        .removeVPG,
        "The VPG \(record.definition.name) was deleted at this site alone.",
        user: user,
        vpgs: [vpg]
      )
    }
  }

  /// Carries out an operation this site owns.
  func carryOut(
    _ operation: VPGOperation,
    on record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    switch operation {
    case .update, .delete, .resolve: try await restores.refuseIfUnderWay(record.definition)
    // Of two sites, the other one knows.
    case .failover, .move:
      if record.definition.isWithinOneSite {
        try await restores.refuseIfUnderWay(record.definition)
      }
    default: break
    }
    return switch operation {
    case .failoverTest, .failoverTestStop, .failoverTestLeave, .failover, .failoverCommit,
      .failoverRollback, .move, .moveCommit, .moveRollback, .clone, .cloneAbort, .retain,
      .retainAbort:
      try await recovery.begin(operation, on: record, user: user)
    case .restore(let wish): try await restoring.begin(wish, record, user: user)
    case .restoreCommit(let vm): try await restoring.decide(true, vm, record, user: user)
    case .restoreRollback(let vm): try await restoring.decide(false, vm, record, user: user)
    case .pause: try await setPaused(true, record, user: user)
    case .resume: try await setPaused(false, record, user: user)
    case .forceSync: try await forceSync(record, user: user)
    case .insertCheckpoint(let tag):
      try await insertCheckpoint(tag, record, quiesces: false, user: user)
    case .insertQuiescedCheckpoint(let tag):
      try await insertCheckpoint(tag, record, quiesces: true, user: user)
    case .update(let definition):
      try await protectedHalf.update(definition, of: record, user: user)
    case .delete(let keeps, let force):
      try await protectedHalf.delete(record, keepsReplicas: keeps, force: force, user: user)
    case .resolve(let site): try await resolution.begin(keeping: site, record, user: user)
    }
  }

  private func setPaused(
    _ isPaused: Bool,
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let (vpg, name) = (record.definition.identifier, record.definition.name)
    guard record.phase == .protecting else {
      throw .conflict("The VPG \(name) is not being protected now: it is \(record.phase).")
    }
    guard record.isPaused != isPaused else {
      throw .conflict("The VPG \(name) is \(isPaused ? "paused already" : "not paused").")
    }
    return try await context.tasks.run(isPaused ? .pauseVPG : .resumeVPG, user: user, vpgs: [vpg]) {
      [context, keeper] _ throws(SiteError) in
      try await context.vpgs.update(vpg) { $0.isPaused = isPaused }
      await keeper.nudge()
      await context.events.record(
        isPaused ? .pauseVPG : .resumeVPG,
        "The replication of the VPG \(name) was \(isPaused ? "paused" : "resumed").",
        user: user,
        vpgs: [vpg]
      )
    }
  }

  private func forceSync(
    _ record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let (vpg, name) = (record.definition.identifier, record.definition.name)
    guard record.phase == .protecting, !record.isPaused else {
      throw .conflict("The VPG \(name) is not being replicated now.")
    }
    return try await context.tasks.run(.forceSync, user: user, vpgs: [vpg]) {
      [keeper] _ throws(SiteError) in
      await keeper.requestSync(of: record.definition.vms.map(\.stream))
    }
  }

  private func insertCheckpoint(
    _ tag: String,
    _ record: VPGRecord,
    quiesces: Bool,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    guard !tag.allSatisfy(\.isWhitespace) else { throw .invalid("The checkpoint has no name.") }
    let definition = record.definition
    let checkpoint: Checkpoint
    var (kind, shortfall) = ("", "")
    if quiesces {
      let made = try await checkpointKeeper.markQuiesced(record, tag: tag)
      (checkpoint, shortfall) = (made.checkpoint, made.shortfall)
      kind =
        shortfall.isEmpty ? ", application-consistent" : ", but crash-consistent only: \(shortfall)"
    } else {
      checkpoint = try await checkpointKeeper.mark(record, tag: tag)
    }
    let words = "The checkpoint \(tag) of the VPG \(definition.name) was made\(kind)"
    let isAsWished = shortfall.isEmpty
    return try await context.tasks.run(
      .insertTaggedCheckpoint,
      user: user,
      vpgs: [definition.identifier]
    ) { [context, checkpointKeeper] _ throws(SiteError) in
      try await checkpointKeeper.waitUntilDurable(checkpoint, of: definition)
      await context.events.record(
        .insertTaggedCheckpoint,
        words.hasSuffix(".") ? words : words + ".",
        succeeded: isAsWished,
        user: user,
        vpgs: [definition.identifier]
      )
    }
  }

  func record(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGRecord {
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    return record
  }

  // MARK: Exported definitions

  package func exportVPGs(
    named names: [String],
    user: String
  ) async throws(SiteError) -> VPGExport {
    try await exports.make(of: try await vpgs(), named: names, user: user)
  }

  package func vpgExports() async throws(SiteError) -> [VPGExport] { try await exports.all() }

  // MARK: Taps

  private var suspensions: TapSuspensions { TapSuspensions(context: context, keeper: keeper) }

  package func suspendTaps(
    _ target: TapTarget,
    minutes: Int,
    user: String
  ) async throws(SiteError) {
    try await suspensions.suspend(target, minutes: minutes, user: user)
  }

  package func resumeTaps(_ target: TapTarget, user: String) async throws(SiteError) {
    try await suspensions.resume(target, user: user)
  }

  package func tapSuspensions() async throws(SiteError) -> [TapSuspensionView] {
    await suspensions.all()
  }

  // MARK: Work and history

  package func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(SiteError) -> [EventRecord] {
    do { return try await context.store.events(from: start, to: end, limit: limit) } catch {
      throw SiteError(error)
    }
  }

  package func event(_ identifier: String) async throws(SiteError) -> EventRecord {
    do {
      if let event = try await context.store.event(identifier) { return event }
    } catch { throw SiteError(error) }
    throw .notFound("There is no event \(identifier).")
  }

  package func alerts() async -> [AlertRecord] { await alertBook.all() }

  package func setDismissed(_ isDismissed: Bool, alert: String) async throws(SiteError) {
    try await alertBook.setDismissed(alert, isDismissed)
  }
}
