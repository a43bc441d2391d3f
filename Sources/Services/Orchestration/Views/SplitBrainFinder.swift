// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Finds VPGs whose sites contradict each other; see ``SplitBrain``.
struct SplitBrainFinder: Sendable {
  let context: SiteContext
  let recovery: any RecoveryOperating

  // MARK: This site

  /// The protected VMs of which one runs at this site, as far as is known; empty while the VPG is
  /// protected, when there is only one of each.
  func running(_ record: VPGRecord) async -> [VMIdentifier] {
    let machines = await machines(record)
    guard !machines.isEmpty else { return [] }
    let powers = await context.powers.all()
    return machines.filter { powers[$0.value] == true }.keys.sorted()
  }

  /// The VMs of this site that may run beside others, by the protected ones.
  func machines(_ record: VPGRecord) async -> [VMIdentifier: VMIdentifier] {
    guard record.phase == .failingOver || record.phase == .recovered else { return [:] }
    guard record.definition.protectedSite == context.site else {
      return await recovered(record)?.vms ?? [:]
    }
    let vms = record.definition.vms.map(\.identifier)
    return Dictionary(zip(vms, vms)) { first, _ in first }
  }

  /// What runs at this site as the recovery site.
  func recovered(_ record: VPGRecord) async -> VPGRecord.Recovered? {
    if record.phase == .recovered { return record.recovered }
    return await recovery.recovered(of: record.definition.identifier)
  }

  // MARK: Both

  /// The VPGs that have a split brain, among many.
  func find(
    among records: [VPGRecord],
    _ peers: PeerSightings
  ) async -> [VPGIdentifier: SplitBrain] {
    var found: [VPGIdentifier: SplitBrain] = [:]
    for record in records {
      // Nobody is asked about a VPG whose other site says nothing that contradicts this one.
      let share = doubt(record, peers)
      guard share != nil || record.isGivenUp else { continue }
      found[record.definition.identifier] = await find(record, share)
    }
    return found
  }

  /// The split brain of a VPG, by what was last heard of the other site; nil if there is none.
  func find(_ record: VPGRecord) async -> SplitBrain? {
    await find(record, doubt(record, await context.peers.sightings))
  }

  /// What the other site says, if that may contradict this one.
  private func doubt(_ record: VPGRecord, _ peers: PeerSightings) -> VPGShare? {
    let definition = record.definition
    let peer = definition.peer(of: context.site)
    guard peers.isConnected(peer), let share = peers.share(of: definition.identifier, at: peer),
      share.definition.protectedSite != definition.protectedSite
        || share.running?.isEmpty == false || share.isGivenUp == true
    else { return nil }
    return share
  }

  private func find(_ record: VPGRecord, _ share: VPGShare?) async -> SplitBrain? {
    let definition = record.definition
    // What is being given up here is so, whatever the other site says, or if it says nothing.
    if record.isGivenUp {
      return await describe(.isBeingResolved, record, record.recovered?.checkpoint)
    }
    guard let share else { return nil }
    let isSameWay = share.definition.protectedSite == definition.protectedSite
    let own = SplitBrain.Half(
      site: context.site,
      protectedSite: definition.protectedSite,
      generation: definition.generation,
      isActing: record.phase.isActing,
      running: isSameWay ? Set(await running(record)) : []
    )
    let other = SplitBrain.Half(
      site: definition.peer(of: context.site),
      protectedSite: share.definition.protectedSite,
      generation: share.definition.generation,
      isActing: share.status.isActing,
      running: Set(share.running ?? []),
      isGivingUp: share.isGivenUp == true
    )
    guard let cause = SplitBrain.cause(own, other) else { return nil }
    let parted = await recovered(record)?.checkpoint ?? share.parted
    return await describe(cause, record, parted)
  }

  private func describe(
    _ cause: SplitBrain.Cause,
    _ record: VPGRecord,
    _ parted: Checkpoint?
  ) async -> SplitBrain {
    let definition = record.definition
    let names = definition.vms.filter { vm in
      if case .bothRun(let both) = cause { return both.contains(vm.identifier) }
      return true
    }.map(\.name)
    var choices: [SplitBrain.Choice] = []
    for site in Self.sites(toKeep: cause, definition) {
      let there = await context.name(of: definition.peer(of: site))
      choices.append(
        SplitBrain.Choice(
          site: site,
          name: await context.name(of: site),
          consequence: Self.loss(cause, names.joined(separator: ", "), there, parted)
            + Self.deed(
              cause,
              record.phase,
              keepsProtected: site == definition.protectedSite,
              given: there
            )
        )
      )
    }
    return SplitBrain(cause: cause, vms: names, parted: parted, choices: choices)
  }

  private static func sites(
    toKeep cause: SplitBrain.Cause,
    _ definition: VPGDefinition
  ) -> [SiteIdentifier] {
    switch cause {
    case .bothRun, .bothProtect: [definition.protectedSite, definition.recoverySite]
    case .neitherProtects(let site): [site]
    case .isBeingResolved: [definition.protectedSite]
    }
  }

  private static func loss(
    _ cause: SplitBrain.Cause,
    _ vms: String,
    _ site: String,
    _ parted: Checkpoint?
  ) -> String {
    if case .neitherProtects = cause { return "Nothing is lost: " }
    let since = parted.map { " since the checkpoint of \(text($0.time))" } ?? ""
    return "What \(vms) wrote at \(site)\(since) is lost: "
  }

  /// What is done to the site that is given up.
  private static func deed(
    _ cause: SplitBrain.Cause,
    _ phase: VPGRecord.Phase,
    keepsProtected: Bool,
    given site: String
  ) -> String {
    switch (cause, phase == .recovered, keepsProtected) {
    case (.bothProtect, _, _):
      "its VMs are switched off and their definitions removed, and their disks become the replicas."
    case (.bothRun, _, false):
      "its VMs are shut down, or switched off after 30 seconds; definitions and disks stay."
    case (.bothRun, false, true): "the recovery is rolled back, which removes its VMs."
    case (.neitherProtects, _, _): "the VPG is protected from here again, as \(site) knows it."
    case (.bothRun, true, true), (.isBeingResolved, _, _):
      "its VMs are switched off and their definitions removed, their disks become the replicas "
        + "again, and all of them is compared."
    }
  }

  private static func text(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.milliseconds) / 1000).formatted(.iso8601)
  }
}

extension VPGRecord {
  /// Whether what was recovered at this site is being given up for the protected VMs.
  var isGivenUp: Bool { recovered?.isGivenUp == true }
}

extension VPGRecord.Phase {
  fileprivate var isActing: Bool {
    switch self {
    case .protecting, .handingOver, .failingOver: true
    case .creating, .recovered, .deleting: false
    }
  }
}

extension VPGStatus {
  fileprivate var isActing: Bool { self != .recovered && self != .deleting }
}
