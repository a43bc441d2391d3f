// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Finds VPGs that both of their sites act for.
struct SplitBrainFinder: Sendable {
  let context: SiteContext
  let recovery: any RecoveryOperating

  // MARK: This site

  /// The protected VMs of which one runs at this site; empty while the VPG is protected, when there
  /// is only one of each.
  func running(_ record: VPGRecord) async -> [VMIdentifier] {
    guard record.phase == .failingOver || record.phase == .recovered else { return [] }
    var own: [VMIdentifier: VMIdentifier] = [:]
    if record.definition.protectedSite == context.site {
      for vm in record.definition.vms { own[vm.identifier] = vm.identifier }
    } else {
      own = await recovered(record)?.vms ?? [:]
    }
    var running: [VMIdentifier] = []
    for (vm, machine) in own {
      // A hypervisor that does not answer says nothing.
      let found = try? await context.hypervisor.virtualMachine(machine)
      if let found, found.power != .off { running.append(vm) }
    }
    return running.sorted()
  }

  /// What runs at this site as the recovery site.
  func recovered(_ record: VPGRecord) async -> VPGRecord.Recovered? {
    if record.phase == .recovered { return record.recovered }
    return await recovery.recovered(of: record.definition.identifier)
  }

  // MARK: Both

  /// The VPGs that both sites act for, among many.
  func find(
    among records: [VPGRecord],
    _ peers: PeerSightings
  ) async -> [VPGIdentifier: SplitBrain] {
    var found: [VPGIdentifier: SplitBrain] = [:]
    for record in records {
      // Nobody is asked about a VPG whose other site says nothing that contradicts this one.
      guard let share = doubt(record, peers) else { continue }
      found[record.definition.identifier] = await find(record, share)
    }
    return found
  }

  /// How both sites act for a VPG, by what was last heard of the other one; nil if they do not.
  func find(_ record: VPGRecord) async -> SplitBrain? {
    guard let share = doubt(record, await context.peers.sightings) else { return nil }
    return await find(record, share)
  }

  /// What the other site says, if that may contradict this one.
  private func doubt(_ record: VPGRecord, _ peers: PeerSightings) -> VPGShare? {
    let definition = record.definition
    let peer = definition.peer(of: context.site)
    guard peers.isConnected(peer), let share = peers.share(of: definition.identifier, at: peer),
      share.definition.protectedSite != definition.protectedSite
        || share.running?.isEmpty == false
    else { return nil }
    return share
  }

  private func find(_ record: VPGRecord, _ share: VPGShare) async -> SplitBrain? {
    let definition = record.definition
    let isSameWay = share.definition.protectedSite == definition.protectedSite
    let own = SplitBrain.Half(
      protectedSite: definition.protectedSite,
      isActing: record.phase.isActing,
      running: isSameWay ? Set(await running(record)) : []
    )
    let other = SplitBrain.Half(
      protectedSite: share.definition.protectedSite,
      isActing: share.status.isActing,
      running: Set(share.running ?? [])
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
    let sites = [definition.protectedSite, definition.recoverySite]
    var choices: [SplitBrain.Choice] = []
    for (site, other) in [(sites[0], sites[1]), (sites[1], sites[0])] {
      let there = await name(of: other)
      let since = parted.map { " since the checkpoint of \(Self.text($0.time))" } ?? ""
      let loss = "What \(names.joined(separator: ", ")) wrote at \(there)\(since) is lost: "
      choices.append(
        SplitBrain.Choice(
          site: site,
          name: await name(of: site),
          consequence: loss
            + Self.deed(cause, record.phase, keepsProtected: site == sites[0], given: there)
        )
      )
    }
    return SplitBrain(cause: cause, vms: names, parted: parted, choices: choices)
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
    case (.bothRun, true, true):
      "its VMs are switched off and their definitions removed, their disks become the replicas "
        + "again, and all of them is compared."
    }
  }

  private static func text(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.milliseconds) / 1000).formatted(.iso8601)
  }

  private func name(of site: SiteIdentifier) async -> String {
    if site == context.site { return context.settings.name }
    return await context.peers.record(of: site)?.name ?? site.rawValue
  }
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
