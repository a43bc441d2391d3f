// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Logging
internal import RecoveryModel
internal import Store

/// Asks every peer for its state once a second and draws the consequences.
struct PeerWatch: Sendable {
  private static let interval = Duration.seconds(1)
  /// Looks between two at what seldom changes.
  private static let looksPerInventory = 15
  /// Shares in a row that show no failover before one this site stood down for counts as undone:
  /// a single one may have been on its way when the failover began.
  private static let sharesUntilStandUp = 3

  let context: SiteContext
  let keeper: ProtectionKeeper
  let standing: SourceStanding

  /// Runs until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      var watched: Set<SiteIdentifier> = []
      while !Task.isCancelled {
        let sites = Set(await context.peers.all().map(\.site))
        for site in sites.subtracting(watched) {
          group.addTask { await watch(site) }
          group.addTask { await keepInventory(of: site) }
          group.addTask { await keepHistory(of: site) }
        }
        watched = sites
        do { try await Task.sleep(for: Self.interval) } catch { break }
      }
      group.cancelAll()
    }
  }

  /// Watches one peer until it is unpaired.
  private func watch(_ site: SiteIdentifier) async {
    var isKnownSilent = false
    var calm: [VPGIdentifier: Int] = [:]
    while !Task.isCancelled, let peer = await context.peers.record(of: site) {
      do throws(SiteError) {
        let control = try await context.peers.client(for: site)
        let asked = ContinuousClock.now
        let state = try await control.state()
        await context.peers.note(state, from: site, asked: asked)
        isKnownSilent = false
        await heed(state, from: site, calm: &calm)
      } catch {
        await context.peers.noteSilence(of: site)
        if !isKnownSilent && !Task.isCancelled {
          context.logger.warning(
            "peer does not answer",
            metadata: ["site": "\(peer.name)", "reason": "\(error.message)"]
          )
        }
        isKnownSilent = true
      }
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  /// Keeps what only the peer's hypervisor knows: it may be slow, and says nothing of whether the
  /// peer is there.
  private func keepInventory(of site: SiteIdentifier) async {
    var looks = 0
    while !Task.isCancelled, let peer = await context.peers.record(of: site) {
      if await context.peers.isConnected(site) {
        if looks % Self.looksPerInventory == 0 {
          do throws(SiteError) { try await refresh(peer) } catch {
            context.logger.warning(
              "peer's inventory not known",
              metadata: ["site": "\(peer.name)", "reason": "\(error.message)"]
            )
          }
        }
        looks += 1
      } else {
        looks = 0
      }
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  /// Keeps what the peer did and saw of the VPGs of both sites: it may be much, and says nothing of
  /// whether the peer is there.
  private func keepHistory(of site: SiteIdentifier) async {
    var isKnownLost = false
    while !Task.isCancelled, let peer = await context.peers.record(of: site) {
      do throws(SiteError) {
        let version = await context.peers.sightings.historyVersion(of: site)
        try await context.heard.heed(version, of: site, try await context.peers.client(for: site))
        isKnownLost = false
      } catch {
        if !isKnownLost && !Task.isCancelled {
          context.logger.warning(
            "peer's history not known",
            metadata: ["site": "\(peer.name)", "reason": "\(error.message)"]
          )
        }
        isKnownLost = true
      }
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func refresh(_ peer: PeerRecord) async throws(SiteError) {
    let control = try await context.peers.client(for: peer.site)
    let site = try await control.site()
    var record = peer
    record.name = site.name
    record.location = site.location
    record.version = site.version
    if await context.peers.record(of: peer.site) == peer { try await context.peers.save(record) }
    await context.peers.note(try await control.inventory(), from: peer.site)
  }

  // MARK: Consequences

  private func heed(
    _ state: PeerState,
    from site: SiteIdentifier,
    calm: inout [VPGIdentifier: Int]
  ) async {
    let all = state.vpgs.map(\.definition)
    for share in state.vpgs {
      let vpg = share.definition.identifier
      guard let known = await context.vpgs.record(vpg),
        known.definition.peer(of: context.site) == site
      else { continue }
      do throws(SiteError) {
        // Before anything is done to its VMs: some may be in other VPGs by now.
        let hasFollowed = try await standing.parted.follow(share.definition, among: all)
        guard hasFollowed != false, let record = await context.vpgs.record(vpg) else { continue }
        let isOfSameDirection =
          share.definition.protectedSite == record.definition.protectedSite
        // A VPG that was turned round is taken by preparing for it, not in passing.
        // One that was recovered for good stays what was recovered until it is forgotten here.
        if share.definition.generation > record.definition.generation, isOfSameDirection,
          record.phase != .recovered, await !context.vpgs.isChanging(vpg)
        {
          try await context.vpgs.update(vpg) { $0.definition = share.definition }
          // Journals may be at other appliances by it.
          await keeper.forgetTargets(of: share.definition)
        }
        guard record.definition.protectedSite == context.site else { continue }
        if share.definition.generation < record.definition.generation {
          await keeper.forgetTargets(of: record.definition)
        }
        // What the other site knew before the VPG was turned round says nothing of now.
        guard isOfSameDirection else { continue }
        try await heed(share, record, calm: &calm[vpg, default: 0])
      } catch {
        context.logger.warning(
          "peer's state not heeded",
          metadata: ["vpg": "\(known.definition.name)", "reason": "\(error.message)"]
        )
      }
    }
  }

  /// A failover, its commit or its rollback may have happened while this site was away.
  private func heed(
    _ share: VPGShare,
    _ record: VPGRecord,
    calm: inout Int
  ) async throws(SiteError) {
    let vpg = record.definition.identifier
    // It may have been forgotten since, because it says nothing of what is so now.
    guard await context.peers.share(of: vpg, at: record.definition.recoverySite) != nil else {
      return
    }
    switch (share.status, record.phase) {
    // It gives its VMs up for those of this site, and is about to forget the VPG.
    case (.recovered, .protecting)
    where share.definition.generation < record.definition.generation: calm = 0
    case (.recovered, .protecting), (.recovered, .handingOver), (.recovered, .failingOver):
      calm = 0
      try await standing.retire(vpg)
    // This site has brought its VMs back already, or never heard that it was to give them up.
    case (.failingOver, .protecting) where share.substatus == .failingOverRollingBack: calm = 0
    case (.failingOver, .protecting):
      calm = 0
      try await standing.yieldToFailover(vpg)
    case (.failingOver, _), (.moving, _): calm = 0
    case (_, .failingOver), (_, .handingOver):
      calm += 1
      if calm >= Self.sharesUntilStandUp {
        calm = 0
        try await standing.standUp(vpg)
      }
    default: calm = 0
    }
  }
}
