// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Ends a VPG's split brain as a person decided: one site keeps its VMs, the other gives its up.
///
/// Each part finds its own work done, so a resolution that was interrupted is asked for again.
struct SplitBrainResolution: Sendable {
  private static let shutdownInSeconds = 30

  let context: SiteContext
  let finder: SplitBrainFinder
  let recovery: any RecoveryOperating
  let recoveryHalf: RecoveryHalf
  let keeper: ProtectionKeeper

  /// The site that carries it out.
  ///
  /// Of two sites that hold themselves for the protected one, it is the one that is kept.
  func executor(keeping site: SiteIdentifier, _ record: VPGRecord) async -> SiteIdentifier {
    if case .bothProtect = await finder.find(record)?.cause { return site }
    return record.definition.recoverySite
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
    let found = await finder.find(record)
    let isGivenUp = record.recovered?.isGivenUp == true
    guard found != nil || (isGivenUp && site == definition.protectedSite) else {
      throw .conflict("The VPG \(definition.name) has no split brain to resolve.")
    }
    if case .bothProtect = found?.cause {
      return try await run(definition, keeping: site, user) { () async throws(SiteError) in
        try await keepOwn(record)
      }
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

  private func run(
    _ definition: VPGDefinition,
    keeping site: SiteIdentifier,
    _ user: String,
    _ body: @escaping @Sendable () async throws(SiteError) -> Void
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = definition.identifier
    let name =
      if site == context.site { context.settings.name } else {
        await context.peers.record(of: site)?.name ?? site.rawValue
      }
    return try await context.tasks.run(.updateVPG, user: user, vpgs: [vpg]) {
      _ throws(SiteError) in
      try await body()
      await context.events.record(
        .updateVPG,
        "The split brain of the VPG \(definition.name) was resolved: \(name) keeps its VMs.",
        user: user,
        vpgs: [vpg]
      )
    }
  }

  /// The other site, which holds itself for the protected one, lets go; this one protects towards
  /// it.
  private func keepOwn(_ record: VPGRecord) async throws(SiteError) {
    let definition = record.definition
    let vpg = definition.identifier
    let other = definition.peer(of: context.site)
    let theirs = await context.peers.share(of: vpg, at: other)?.definition.generation ?? 0
    let request = SourceRequest(
      wish: .retire,
      shutdownPolicy: .none,
      timeoutInSeconds: 0,
      removesVMs: true
    )
    _ = try await context.peers.client(for: other).source(request, of: vpg)
    try await context.vpgs.update(vpg) { $0.definition.begin(anew: theirs) }
    await keeper.nudge()
  }

  /// The recovered VMs go, and with them this site's half; the protected site asks for a new one.
  private func giveUp(_ record: VPGRecord) async throws(SiteError) {
    let vpg = record.definition.identifier
    try await context.vpgs.update(vpg) { $0.recovered?.isGivenUp = true }
    do {
      for machine in (record.recovered?.vms ?? [:]).values {
        try await context.hypervisor.remove(machine)
      }
    } catch { throw SiteError(error) }
    // The protected site takes its VPG back before this one forgets it: what is asked of it is
    // asked as its partner. It gets no journals while the VPG is here.
    try await askSource(.takeBack, record.definition)
    try await recoveryHalf.drop(vpg, keepsReplicas: true, from: nil)
  }

  private func askSource(
    _ wish: SourceRequest.Wish,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let request = SourceRequest(
      wish: wish,
      shutdownPolicy: .forceShutdown,
      timeoutInSeconds: Self.shutdownInSeconds
    )
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
